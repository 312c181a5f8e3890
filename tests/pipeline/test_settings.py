"""Settings: which value wins, every fault at once, and no secret in any of them."""

import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.redaction import Personal
from pipeline.log import LogFormat, LogLevel
from pipeline.secret import Secret
from pipeline.setting_specs import SPECS, AmqpReader
from pipeline.setting_types import NS_PER_S, Address, Retention
from pipeline.settings import Settings, SettingsError, load_settings
from pipeline.wires.state import WhenFull
from tests.pipeline.setting_values import EVERY, KEY, PASSWORD, URL, environ


def load(**given_settings: str) -> Settings:
    return load_settings(environ(**given_settings))


def faults_of(environment: Mapping[str, str], env_file: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        load_settings(environment, env_file)
    assert str(error.value) == "\n".join(error.value.faults)
    return error.value.faults


def fault_of(**given_settings: str) -> str:
    (fault,) = faults_of(environ(**given_settings))
    return fault


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.touch(0o600)
    return path


def test_without_anything_the_defaults_hold() -> None:
    settings = load()

    assert settings.amqp_url is None
    assert settings.amqp_reader is AmqpReader.FAST
    assert settings.amqp_share is False
    assert (settings.prefetch, settings.batch, settings.batch_age) == (15_000, 5_000, NS_PER_S // 10)
    assert settings.data_dir == Path("chargeline-data")
    assert settings.personal is Personal.DROP
    assert (settings.rejects_max, settings.rejects_when_full) == (2**30, WhenFull.STOP)
    assert settings.keep == Retention(None, None)
    assert settings.http == Address("127.0.0.1", 8090)
    assert (settings.log_level, settings.log_format) == (LogLevel.INFO, LogFormat.AUTO)
    assert set(settings.sources.values()) == {"default"}
    assert settings.texts == {name: spec.default for name, spec in SPECS.items()}
    assert settings.warnings == ()


def test_attributes_and_table_are_the_same() -> None:
    about = {"sources", "texts", "warnings"}
    assert [field.name for field in fields(Settings) if field.name not in about] == [
        spec.attribute for spec in SPECS.values()
    ]


@pytest.mark.parametrize("settings", [load(), load(**EVERY)], ids=["defaults", "everything set"])
def test_every_value_is_of_its_attributes_type(settings: Settings) -> None:
    for spec in SPECS.values():
        hint = get_type_hints(Settings)[spec.attribute]
        value = getattr(settings, spec.attribute)
        members = getattr(hint, "__args__", (hint,))
        plain = [getattr(member, "__origin__", member) for member in members]
        assert type(value) in plain or isinstance(value, Path), f"{spec.name}: {value!r} is no {hint}"
        assert not isinstance(value, Path) or Path in plain
        assert (value is not None and Secret in plain) <= spec.is_secret


def test_settings_do_not_change() -> None:
    settings = load()
    (first, *_) = fields(settings)
    with pytest.raises(FrozenInstanceError):
        setattr(settings, first.name, None)


def test_the_environment_wins_over_the_env_file(env_file: Path) -> None:
    env_file.write_text("CHARGELINE_BATCH=1\nCHARGELINE_PREFETCH=7\n", "utf-8")
    settings = load_settings(environ(BATCH="2"), env_file)

    assert (settings.batch, settings.prefetch) == (2, 7)
    assert (settings.sources["BATCH"], settings.sources["PREFETCH"]) == ("environment", str(env_file))
    assert (settings.texts["BATCH"], settings.texts["PREFETCH"]) == ("2", "7")


def test_an_empty_value_is_none(env_file: Path) -> None:
    env_file.write_text("CHARGELINE_BATCH=7\nCHARGELINE_AMQP_QUEUE=\n", "utf-8")
    settings = load_settings(environ(BATCH="", PERSONAL="", NO_SETTING="", INFLUX_URL=""), env_file)

    assert settings.batch == 7
    assert settings.amqp_queue is None
    assert settings.personal is Personal.DROP


def test_an_env_file_may_hold_variables_of_others(env_file: Path) -> None:
    env_file.write_text("PATH=x\nPOSTGRES_PASSWORD=x\nCHARGELINE_BATCH=7\n", "utf-8")
    assert load_settings({"HOME": "/"}, env_file).batch == 7


def test_settings_of_tests_are_not_ours() -> None:
    assert load(TEST_INFLUX="http://db:8086", TEST_="x") == load()


def test_faults_of_the_env_file_come_with_all_others(env_file: Path) -> None:
    env_file.write_text("CHARGELINE_BATCH: 7\nCHARGELINE_LOG_LEVEL=loud\n", "utf-8")
    first, second = faults_of({}, env_file)

    assert f"{env_file} line 1 is not NAME=value" in first
    assert second.startswith(f"CHARGELINE_LOG_LEVEL=loud ({env_file}) must be one of debug, info")


def test_every_fault_is_told_at_once() -> None:
    wrong = environ(PREFETCH="0", PERSONAL="hide", DATADIR="x", HTTP="8090", INFLUX_ORG="o", AMQP_URL="host")
    faults = faults_of(wrong)

    assert len(faults) == 6
    for name in ("PREFETCH", "PERSONAL", "DATADIR", "HTTP", "INFLUX_TOKEN", "AMQP_URL"):
        assert any(f"CHARGELINE_{name}" in fault for fault in faults)


def test_a_fault_says_what_was_found_where_what_is_allowed_and_what_holds_without_it() -> None:
    assert fault_of(PREFETCH="65536") == (
        "CHARGELINE_PREFETCH=65536 (environment) must be a whole number from 1 to 65535; without it, 15000 holds"
    )


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CHARGELINE_DATADIR", "CHARGELINE_DATA_DIR"),
        ("CHARGELINE_data_dir", "CHARGELINE_DATA_DIR"),
        ("CHARGELINE_INFLUX_TOKEN_FIEL", "CHARGELINE_INFLUX_TOKEN_FILE"),
        ("CHARGELINE_INFLUX_URL_FILE", "CHARGELINE_INFLUX_URL"),
        ("CHARGELINE_TESTS", "CHARGELINE_HTTP"),
    ],
)
def test_an_unknown_name_is_a_fault_with_the_nearest_one(name: str, nearest: str) -> None:
    assert faults_of({name: PASSWORD}) == (f"{name} (environment) is no setting; the nearest name is {nearest}",)


@pytest.mark.parametrize("name", ["CHARGELINE_", "CHARGELINE_\udcff", "CHARGELINE_" + "x" * 100_000])
def test_even_an_absurd_name_has_a_nearest_one(name: str) -> None:
    (fault,) = faults_of({name: "x"})
    assert "the nearest name is CHARGELINE_" in fault
    assert len(fault) < 200


@pytest.mark.parametrize(
    ("given_settings", "fault"),
    [
        ({"BATCH": "20000"}, r"BATCH=20000 is more than CHARGELINE_PREFETCH=15000"),
        ({"BATCH": "3", "PREFETCH": "2"}, r"BATCH=3 is more than CHARGELINE_PREFETCH=2"),
        ({"KAFKA_MIN_IN_SYNC": "4"}, r"KAFKA_MIN_IN_SYNC=4 is more than CHARGELINE_KAFKA_REPLICATION=3, so nothing"),
        ({"KAFKA_MIN_IN_SYNC": "2", "KAFKA_REPLICATION": "1"}, r"KAFKA_MIN_IN_SYNC=2 is more than .*REPLICATION=1"),
        ({"PERSONAL": "hash"}, r"PERSONAL=hash needs CHARGELINE_PERSONAL_KEY; make one with"),
        ({"PERSONAL": "hash", "PERSONAL_KEY": "k" * 31}, r"PERSONAL_KEY .*must be 32 printable characters"),
        ({"INFLUX_URL": "http://db"}, r"INFLUX_URL without .*_TOKEN, .*_ORG, .*_BUCKET; set all four"),
        ({"INFLUX_ORG": "o", "INFLUX_TOKEN": "t"}, r"_TOKEN, CHARGELINE_INFLUX_ORG without .*_URL, .*_BUCKET;"),
        ({"EASEE_CONNECTION_FILE": "c.json", "AMQP_URL": URL}, r"EASEE_CONNECTION_FILE has what CHARGELINE_AMQP_URL"),
        ({"EASEE_CONNECTION_FILE": "c.json", "AMQP_QUEUE": "q"}, r"EASEE_CONNECTION_FILE has what CHARGELINE_AMQP_Q"),
        ({"HTTP_TOKEN": PASSWORD, "HTTP_TOKEN_FILE": "t"}, r"HTTP_TOKEN and CHARGELINE_HTTP_TOKEN_FILE are both set"),
        ({"DATA_DIR": "~no-such-user-anywhere"}, r"DATA_DIR=~no-such-user-anywhere .*there is no home folder"),
        ({"AMQP_URL": f"{URL}?no_verify_ssl=false"}, r"AMQP_URL \(environment; not shown\) must be .*without options"),
    ],
)
def test_what_must_not_be_is_one_fault(given_settings: dict[str, str], fault: str) -> None:
    (found,) = faults_of(environ(**given_settings))
    assert re.search(fault, found)
    assert PASSWORD not in found


@pytest.mark.parametrize(
    "given_settings",
    [
        {"BATCH": "15000"},
        {"KAFKA_MIN_IN_SYNC": "3"},
        {"PERSONAL": "hash", "PERSONAL_KEY": KEY},
        {"INFLUX_URL": "http://db", "INFLUX_TOKEN": "t", "INFLUX_ORG": "o", "INFLUX_BUCKET": "b"},
        {"EASEE_CONNECTION_FILE": "c.json", "AMQP_CA_FILE": "ca.pem", "COMMAND_AMQP_URL": URL},
    ],
)
def test_what_goes_together_is_taken(given_settings: dict[str, str]) -> None:
    assert load(**given_settings).sources.keys() == SPECS.keys()


def test_python_dotenv_is_imported_only_for_an_env_file() -> None:
    program = "import sys, pipeline.settings as s; s.load_settings({}); sys.exit('dotenv' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


NAMES = st.sampled_from([*(spec.variable for spec in SPECS.values()), *(spec.file_variable for spec in SPECS.values())])
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
ANY_VALUE = ANY_TEXT | st.sampled_from(
    [*EVERY.values(), *(spec.default or "~" for spec in SPECS.values()), "/dev/zero", "/dev/null", "/", "hash", "off"]
)


@given(environment=st.dictionaries(NAMES | ANY_TEXT | ANY_TEXT.map("CHARGELINE_".__add__), ANY_VALUE))
def test_any_environment_gives_settings_or_faults(environment: Mapping[str, str]) -> None:
    try:
        settings = load_settings(environment)
    except SettingsError:
        return
    assert settings.sources.keys() == settings.texts.keys() == SPECS.keys()


@given(content=st.lists(st.tuples(NAMES, ANY_VALUE)).map(lambda lines: "\n".join(map("=".join, lines))))
def test_any_env_file_gives_settings_or_faults(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = tmp_path_factory.getbasetemp() / "env"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with suppress(SettingsError):
        load_settings({}, path)
