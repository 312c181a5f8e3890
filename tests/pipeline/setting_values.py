"""Values of settings, for tests."""

PASSWORD = "hunter2hunter2"
URL = f"amqps://user:{PASSWORD}@host:5671/v"
KEY = "k" * 32
EVERY = {
    "AMQP_URL": URL,
    "AMQP_QUEUE": "q",
    "AMQP_EXCHANGE": "x",
    "AMQP_CA_FILE": "ca.pem",
    "COMMAND_AMQP_URL": URL,
    "COMMAND_QUEUE": "c",
    "OPERATOR": "Operator",
    "INFLUX_URL": "http://db:8086",
    "INFLUX_TOKEN": "token",
    "INFLUX_ORG": "org",
    "INFLUX_BUCKET": "bucket",
    "PERSONAL_KEY": KEY,
    "FLEET_FILE": "fleet.csv",
    "ALERT_WEBHOOK": "https://host/hook",
    "HTTP_TOKEN": "token",
    "KAFKA_BROKERS": "kafka:9092",
    "KAFKA_MIN_IN_SYNC": "2",
    "KAFKA_CONFIG_FILE": "kafka.properties",
}
"""A value for every setting that has no default, but for the one that excludes others."""


def environ(**given_settings: str) -> dict[str, str]:
    return {f"CHARGELINE_{name}": value for name, value in given_settings.items()}
