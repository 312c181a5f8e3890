"""Settings: the environment and an env file to one frozen object, or every fault at once.

Owns where values come from, which wins, and what must not be set together. Must not know what a setting does.
The environment wins over the env file. An empty value is as good as none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from dotenv import dotenv_values

from pipeline.core.redaction import Personal
from pipeline.setting_specs import PREFIX, SPECS, Spec
from pipeline.setting_types import Address, Retention, Secret, SecretFile
from pipeline.setting_words import AmqpReader, LogFormat, LogLevel
from pipeline.wires.state import WhenFull

_TEST_PREFIX = f"{PREFIX}TEST_"
_FILE = "_FILE"
_INFLUX = ("INFLUX_URL", "INFLUX_TOKEN", "INFLUX_ORG", "INFLUX_BUCKET")
_BROKER = ("AMQP_URL", "AMQP_QUEUE", "AMQP_EXCHANGE")
_SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting by its name in lower case; durations in nanoseconds, sizes in bytes, rates a minute.

    `sources` says of each where it came from: `default`, `environment`, the env file's path, and ` (file PATH)`
    behind where the value of a secret stands in a file of its own. `texts` has each as it was written; `***` for a
    secret, None where it is not set.
    """

    amqp_url: Secret | None
    amqp_queue: str | None
    amqp_exchange: str | None
    amqp_ca_file: Path | None
    easee_connection_file: Path | None
    amqp_reader: AmqpReader
    amqp_share: bool
    prefetch: int
    batch: int
    batch_age: int
    command_amqp_url: Secret | None
    command_queue: str | None
    operator: str | None
    influx_url: str | None
    influx_token: Secret | None
    influx_org: str | None
    influx_bucket: str | None
    data_dir: Path
    command_timeout: int
    silent_after: int
    stream_silent_after: int
    backlog_alert: int
    rejects_alert: int
    late_data: int
    personal: Personal
    personal_key: Secret | None
    rejects_max: int
    rejects_keep: int
    rejects_when_full: WhenFull
    fleet_file: Path | None
    retry_attempts: int
    alert_webhook: Secret | None
    keep: Retention
    http: Address | None
    http_token: Secret | None
    kafka_brokers: str | None
    kafka_partitions: int
    kafka_replication: int
    kafka_retention: int
    kafka_config_file: Path | None
    log_level: LogLevel
    log_format: LogFormat
    sources: Mapping[str, str]
    texts: Mapping[str, str | None]


class SettingsError(Exception):
    """One or more settings are wrong. `faults` has one line for each: the setting, what is wrong, what to do."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Keep every fault: whoever mends one wants to know of the others too."""
        self.faults = faults
        super().__init__("\n".join(faults))


class _Given(NamedTuple):
    """A variable that somebody set, and where."""

    text: str
    source: str


def load_settings(environ: Mapping[str, str], env_file: Path | None = None) -> Settings:
    """The settings in force. Raises SettingsError with every fault found."""
    given, faults = _collect(environ, env_file)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    texts: dict[str, str | None] = {}
    for spec in SPECS.values():
        values[spec.attribute] = None
        try:
            values[spec.attribute], sources[spec.name] = _read(spec, given)
            texts[spec.name] = _text(spec, values[spec.attribute], given)
        except ValueError as fault:
            faults.append(str(fault))
    faults += _faults_of_unknown(given)
    faults += _faults_between(values, given)
    if faults:
        raise SettingsError(tuple(faults))
    return Settings(**values, sources=MappingProxyType(sources), texts=MappingProxyType(texts))


def _collect(environ: Mapping[str, str], env_file: Path | None) -> tuple[dict[str, _Given], list[str]]:
    """Every variable of ours that is set, and what kept the env file from being read."""
    given: dict[str, _Given] = {}
    faults: list[str] = []
    if env_file is not None:
        try:
            text = env_file.read_text("utf-8")
        except (OSError, ValueError) as fault:
            faults.append(f"--env-file {env_file} cannot be read: {_words(fault)}")
        else:
            lines = dotenv_values(stream=StringIO(text), interpolate=False)
            given |= {name: _Given(value, str(env_file)) for name, value in lines.items() if value}
    given |= {name: _Given(value, "environment") for name, value in environ.items() if value}
    return {name: value for name, value in given.items() if _is_ours(name)}, faults


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(_TEST_PREFIX)


def _read(spec: Spec, given: Mapping[str, _Given]) -> tuple[object, str]:
    """A setting's value and its source. Raises ValueError with the whole line for the user."""
    value, file = given.get(spec.variable), given.get(spec.variable + _FILE)
    if spec.is_secret and file:
        if value:
            raise ValueError(f"{spec.variable} and {spec.variable}{_FILE} are both set; keep one of them")
        try:
            secret = SecretFile(Path(file.text).expanduser())
        except (OSError, ValueError) as fault:
            raise ValueError(f"{spec.variable}{_FILE}={file.text} cannot be read: {_words(fault)}") from None
        _parse(spec, f"{spec.variable}{_FILE}={file.text}: what the file holds", secret.reveal())
        return secret, f"{file.source} (file {file.text})"
    if value:
        shown = f"{spec.variable}" if spec.is_secret else f"{spec.variable}={value.text}"
        return _parse(spec, shown, value.text), value.source
    return None if spec.default is None else spec.parse(spec.default), "default"


def _text(spec: Spec, value: object, given: Mapping[str, _Given]) -> str | None:
    if spec.is_secret:
        return None if value is None else str(value)
    return given[spec.variable].text if spec.variable in given else spec.default


def _parse(spec: Spec, shown: str, text: str) -> object:
    try:
        return spec.parse(text)
    except ValueError as fault:
        raise ValueError(f"{shown} must be {fault}") from None


def _faults_of_unknown(given: Mapping[str, _Given]) -> Iterator[str]:
    known = [spec.variable for spec in SPECS.values()]
    known += [spec.variable + _FILE for spec in SPECS.values() if spec.is_secret]
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see chargeline config for all of them"
            yield f"{name} ({value.source}) is no setting; {hint}"


def _faults_between(values: Mapping[str, Any], given: Mapping[str, _Given]) -> Iterator[str]:
    """What is wrong with settings that are each right by themselves."""
    batch, prefetch = values["batch"], values["prefetch"]
    if batch and prefetch and batch > prefetch:
        yield (
            f"{PREFIX}BATCH={batch} is more than {PREFIX}PREFETCH={prefetch}, so no batch would "
            "ever be full; lower one or raise the other"
        )
    key = values["personal_key"]
    if values["personal"] is Personal.HASH and (key is None or len(key.reveal()) < _SHORTEST_KEY):
        yield f"{PREFIX}PERSONAL=hash needs {PREFIX}PERSONAL_KEY of {_SHORTEST_KEY} characters or more"
    set_influx = [name for name in _INFLUX if _is_set(name, given)]
    if set_influx and len(set_influx) < len(_INFLUX):
        missing = ", ".join(PREFIX + name for name in _INFLUX if name not in set_influx)
        yield f"{PREFIX}{set_influx[0]} is set but {missing} missing; set all four for InfluxDB, none for SQLite"
    if values["easee_connection_file"] is not None:
        both = [PREFIX + name for name in _BROKER if _is_set(name, given)]
        if both:
            yield f"{PREFIX}EASEE_CONNECTION_FILE holds what {', '.join(both)} would say; keep one of them"


def _is_set(name: str, given: Mapping[str, _Given]) -> bool:
    return PREFIX + name in given or PREFIX + name + _FILE in given


def _words(fault: Exception) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (fault.strerror if isinstance(fault, OSError) else None) or type(fault).__name__
