"""Settings: the environment and an env file to one frozen object, or every fault at once.

Owns where values come from, which wins, and what must not be set together. Must not know what a setting does.
The environment wins over the env file. An empty value is as good as none.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.core.redaction import Personal
from pipeline.log import LogFormat, LogLevel
from pipeline.secret import MASKED, Secret, SecretFile, UnreadableSecretError, is_open_to_others
from pipeline.setting_specs import PREFIX, SPECS, AmqpReader, Spec
from pipeline.setting_types import Address, Retention
from pipeline.wires.state import WhenFull

if TYPE_CHECKING:
    from pipeline.env_file import EnvFile

_TEST_PREFIX = f"{PREFIX}TEST_"
_INFLUX = ("INFLUX_URL", "INFLUX_TOKEN", "INFLUX_ORG", "INFLUX_BUCKET")
_CONNECTION = ("AMQP_URL", "AMQP_QUEUE", "AMQP_EXCHANGE")
_LONGEST_SHOWN = 80
_FILES_WITH_SECRETS: Mapping[str, str] = MappingProxyType(
    {
        "EASEE_CONNECTION_FILE": "the broker's password",
        "KAFKA_CONFIG_FILE": "options of Kafka, which may be passwords",
    }
)
"""By the setting that names such a file: what is in it beside other things."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting by its name in lower case; durations in nanoseconds, sizes in bytes, rates a minute.

    `sources` says of each where it came from: `default`, `environment`, the env file's path, and ` (file PATH)`
    behind where the value of a secret stands in a file of its own. `texts` has each as it was written; `***` for a
    secret, None where it is not set. `warnings` has a line for each thing that holds but should be mended.
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
    kafka_brokers: tuple[Address, ...] | None
    kafka_partitions: int
    kafka_replication: int
    kafka_min_in_sync: int | None
    kafka_retention: int
    kafka_config_file: Path | None
    log_level: LogLevel
    log_format: LogFormat
    sources: Mapping[str, str]
    texts: Mapping[str, str | None]
    warnings: tuple[str, ...]

    def secrets(self) -> Iterator[Secret]:
        """Every secret that is set."""
        for spec in SPECS.values():
            value = getattr(self, spec.attribute)
            if isinstance(value, Secret):
                yield value


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


class _Reading(NamedTuple):
    """What one setting came to, and from where."""

    value: object
    source: str
    text: str | None


def load_settings(environ: Mapping[str, str], env_file: Path | None = None) -> Settings:
    """The settings in force. Raises SettingsError with every fault found, and nothing else."""
    given, faults = _collect(environ, env_file)
    readings: dict[str, _Reading] = {}
    for spec in SPECS.values():
        try:
            readings[spec.name] = _read(spec, given)
        except ValueError as fault:
            faults.append(str(fault))
    faults += _faults_of_unknown(given)
    faults += _faults_between(readings, given)
    if faults:
        raise SettingsError(tuple(faults))
    values: dict[str, Any] = {spec.attribute: readings[spec.name].value for spec in SPECS.values()}
    return Settings(
        **values,
        sources=MappingProxyType({name: reading.source for name, reading in readings.items()}),
        texts=MappingProxyType({name: reading.text for name, reading in readings.items()}),
        warnings=tuple(_warnings(readings, given, env_file)),
    )


def _collect(environ: Mapping[str, str], env_file: Path | None) -> tuple[dict[str, _Given], list[str]]:
    """Every variable of ours that is set, and what is wrong with the env file."""
    given: dict[str, _Given] = {}
    faults: list[str] = []
    if env_file is not None:
        # Imported when it is used: most runs have no env file, and every start of the program imports this module.
        read_env_file: Callable[[Path], EnvFile] = import_module("pipeline.env_file").read_env_file
        read = read_env_file(env_file)
        faults += read.faults
        given |= {name: _Given(value, str(env_file)) for name, value in read.values.items() if value}
    given |= {name: _Given(value, "environment") for name, value in environ.items() if value}
    return {name: value for name, value in given.items() if _is_ours(name)}, faults


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(_TEST_PREFIX)


def _read(spec: Spec, given: Mapping[str, _Given]) -> _Reading:
    """What a setting comes to. Raises ValueError with the whole line for the user."""
    value, file = given.get(spec.variable), given.get(spec.file_variable)
    if spec.is_secret and file:
        if value:
            raise ValueError(f"{spec.variable} and {spec.file_variable} are both set; keep one of them")
        return _read_secret_file(spec, file)
    if value is None:
        return _Reading(None if spec.default is None else spec.parse(spec.default), "default", spec.default)
    try:
        parsed = spec.parse(value.text)
    except ValueError as fault:
        found = f" ({value.source}; not shown)" if spec.is_secret else f"={_shown(value.text)} ({value.source})"
        otherwise = "" if spec.default is None else f"; without it, {spec.default} holds"
        raise ValueError(f"{spec.variable}{found} must be {fault}{otherwise}") from None
    if spec.is_secret:
        return _Reading(Secret(value.text), value.source, MASKED)
    return _Reading(parsed, value.source, value.text)


def _read_secret_file(spec: Spec, file: _Given) -> _Reading:
    try:
        secret = SecretFile(Path(file.text).expanduser(), spec.parse)
    except (UnreadableSecretError, RuntimeError) as fault:
        # A name that is no absolute path may be the secret itself, put into the wrong variable.
        shown = f"={_shown(file.text)}" if file.text.startswith("/") else ""
        raise ValueError(
            f"{spec.file_variable}{shown} ({file.source}) cannot be used: {fault}; name a file that holds "
            f"the value of {spec.variable}"
        ) from None
    return _Reading(secret, f"{file.source} (file {file.text})", MASKED)


def _faults_of_unknown(given: Mapping[str, _Given]) -> Iterator[str]:
    known = [spec.variable for spec in SPECS.values()]
    known += [spec.file_variable for spec in SPECS.values() if spec.is_secret]
    for name, value in given.items():
        if name not in known:
            # All begin with the prefix, which would make all of them look alike.
            ending = name.removeprefix(PREFIX).upper()[:_LONGEST_SHOWN]
            (near,) = get_close_matches(ending, [each.removeprefix(PREFIX) for each in known], n=1, cutoff=0)
            yield f"{_shown(name)} ({value.source}) is no setting; the nearest name is {PREFIX}{near}"


def _faults_between(readings: Mapping[str, _Reading], given: Mapping[str, _Given]) -> Iterator[str]:
    """What is wrong with settings that are each right by themselves."""
    batch, prefetch = (readings[name].value if name in readings else None for name in ("BATCH", "PREFETCH"))
    if isinstance(batch, int) and isinstance(prefetch, int) and batch > prefetch:
        yield (
            f"{PREFIX}BATCH={batch} is more than {PREFIX}PREFETCH={prefetch}, so no batch would ever be full; "
            "lower the one or raise the other"
        )
    least, copies = (
        readings[name].value if name in readings else None for name in ("KAFKA_MIN_IN_SYNC", "KAFKA_REPLICATION")
    )
    if isinstance(least, int) and isinstance(copies, int) and least > copies:
        yield (
            f"{PREFIX}KAFKA_MIN_IN_SYNC={least} is more than {PREFIX}KAFKA_REPLICATION={copies}, so nothing could ever "
            "be written; lower the one or raise the other"
        )
    hashes = "PERSONAL" in readings and readings["PERSONAL"].value is Personal.HASH
    if hashes and not _is_set("PERSONAL_KEY", given):
        yield f"{PREFIX}PERSONAL=hash needs {PREFIX}PERSONAL_KEY; make one with openssl rand -hex 32, and keep it"
    set_influx = [PREFIX + name for name in _INFLUX if _is_set(name, given)]
    missing = [PREFIX + name for name in _INFLUX if not _is_set(name, given)]
    if set_influx and missing:
        yield f"{', '.join(set_influx)} without {', '.join(missing)}; set all four for InfluxDB, or none for SQLite"
    both = [PREFIX + name for name in _CONNECTION if _is_set(name, given)]
    if both and _is_set("EASEE_CONNECTION_FILE", given):
        yield f"{PREFIX}EASEE_CONNECTION_FILE has what {', '.join(both)} would say too; keep the file or the others"


def _is_set(name: str, given: Mapping[str, _Given]) -> bool:
    return SPECS[name].variable in given or (SPECS[name].is_secret and SPECS[name].file_variable in given)


def _warnings(readings: Mapping[str, _Reading], given: Mapping[str, _Given], env_file: Path | None) -> Iterator[str]:
    files = {
        secret.path: SPECS[name].variable
        for name, reading in readings.items()
        if isinstance(secret := reading.value, SecretFile)
    }
    for name, holds in _FILES_WITH_SECRETS.items():
        path = readings[name].value
        if isinstance(path, Path):
            files[path] = f"{holds} ({SPECS[name].variable})"
    if env_file is not None:
        held = [spec.variable for spec in SPECS.values() if spec.is_secret and _stands_in(env_file, spec, given)]
        files |= {env_file: ", ".join(held)} if held else {}
    for path, names in files.items():
        if is_open_to_others(path):
            yield f"{path} holds {names} and is open to others; close it: chmod 600 {path}"


def _stands_in(env_file: Path, spec: Spec, given: Mapping[str, _Given]) -> bool:
    return spec.variable in given and given[spec.variable].source == str(env_file)


def _shown(text: str) -> str:
    """A value as a fault shows it: not too long, and without what may be a password or a token in a URL."""
    _, at, visible = text.rpartition("@")
    if "://" in text:
        visible = visible.partition("?")[0].partition("#")[0]
    shown = f"{MASKED}{at}{visible}" if at else visible
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"
