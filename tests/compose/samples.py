"""Services as docker-compose resolves them: good ones, and for each rule what makes one bad."""

from collections.abc import Mapping

from tests.compose.resolved import Node

GOOD: Mapping[str, Node] = {
    "image": "chargeline:0.1.0",
    "user": "10001:10001",
    "read_only": True,
    "tmpfs": ["/tmp"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
    "stop_grace_period": "15s",
    "healthcheck": {"test": ["CMD", "true"]},
    "logging": {"driver": "local", "options": {"max-size": "10m", "max-file": "5"}},
    "environment": {"CHARGELINE_HTTP": "0.0.0.0:8090", "CHARGELINE_INFLUX_TOKEN_FILE": "/secrets/token"},
    "ports": [{"host_ip": "127.0.0.1", "published": "8090"}],
    "volumes": [{"type": "volume", "source": "data", "target": "/data"}],
    "depends_on": {"influxdb": {"condition": "service_healthy"}},
}
BAD: Mapping[str, Mapping[str, Node]] = {
    "image_is_pinned": {"image": "influxdb:latest"},
    "ports_are_loopback": {"ports": [{"published": "8090"}]},
    "has_a_health_check": {"healthcheck": {"disable": True}},
    "log_is_rotated": {"logging": {"driver": "json-file"}},
    "gains_no_rights": {"security_opt": None},
    "comes_back": {"restart": None},
    "mounts_only_to_read": {"volumes": [{"type": "bind", "source": "./grafana", "target": "/x"}]},
    "has_no_secret_in_sight": {"environment": {"CHARGELINE_INFLUX_TOKEN": "abc"}},
    "waits_for_health": {"depends_on": {"influxdb": {"condition": "service_started"}}},
    "ours_is_confined": {"user": "0:0"},
    "settings_exist": {"environment": {"CHARGELINE_BACTH": "7"}},
    "worker_may_drain": {"stop_grace_period": "10s"},
    "roles_are_several": {"command": ["run", "--role", "track"], "deploy": {"replicas": 1}},
    "roles_wait_for_topics": {"command": ["run", "--role", "track"]},
    "bridges_share_the_queue": {"command": ["run", "--role", "bridge"]},
    "kafka_makes_no_topic_itself": {"image": "apache/kafka:4.3.1"},
}
ROLE: Mapping[str, Node] = {
    "command": ["run", "--role", "bridge"],
    "deploy": {"replicas": 2},
    "ports": [],
    "environment": {"CHARGELINE_AMQP_SHARE": "on"},
    "depends_on": {"topics": {"condition": "service_completed_successfully"}},
}
GOOD_OTHERWISE: Mapping[str, Mapping[str, Node]] = {
    "roles_are_several": ROLE,
    "roles_wait_for_topics": ROLE,
    "bridges_share_the_queue": ROLE,
    "kafka_makes_no_topic_itself": {
        "image": "apache/kafka:4.3.1",
        "environment": {"KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false"},
    },
}
"""Samples that a rule is about, where that is not every service."""
