"""Settings that are secret: given as a value or in a file, never shown."""

from pathlib import Path

import pytest

from pipeline.secret import Secret
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings, SettingsError, load_settings
from tests.pipeline.setting_values import EVERY, KEY, PASSWORD, environ


def load(**given_settings: str) -> Settings:
    return load_settings(environ(**given_settings))


def fault_of(**given_settings: str) -> str:
    with pytest.raises(SettingsError) as error:
        load(**given_settings)
    (fault,) = error.value.faults
    return fault


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.touch(0o600)
    return path


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.is_secret])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    value = EVERY[name]
    (tmp_path / "secret").write_text(f"{value}\n", "utf-8")
    (tmp_path / "secret").chmod(0o600)
    others = {other: text for other, text in EVERY.items() if other.startswith("INFLUX") and other != name}
    settings = load(**others, **{f"{name}_FILE": str(tmp_path / "secret")})

    secret = getattr(settings, SPECS[name].attribute)
    assert isinstance(secret, Secret)
    assert secret.reveal() == value
    assert settings.sources[name] == f"environment (file {tmp_path / 'secret'})"
    assert settings.warnings == ()


def test_a_secret_file_with_the_wrong_content_is_a_fault_that_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"http://{PASSWORD}", "utf-8")
    fault = fault_of(AMQP_URL_FILE=str(tmp_path / "secret"))

    assert fault.startswith(f"CHARGELINE_AMQP_URL_FILE={tmp_path / 'secret'} (environment) cannot be used: what the")
    assert "must be a URL like amqps" in fault
    assert PASSWORD not in fault


def test_a_secret_put_where_its_file_belongs_is_not_shown() -> None:
    fault = fault_of(HTTP_TOKEN_FILE=PASSWORD)

    assert fault.startswith("CHARGELINE_HTTP_TOKEN_FILE (environment) cannot be used: No such file or directory; name")
    assert PASSWORD not in fault


def test_a_secret_file_in_a_home_that_nobody_has_is_a_fault() -> None:
    assert "cannot be used" in fault_of(HTTP_TOKEN_FILE="~no-such-user-anywhere/token")


@pytest.mark.parametrize(
    "url", [f"http://u:{PASSWORD}@h", f"http://u:{PASSWORD}/@h", f"http://h?t={PASSWORD}", f"u:{PASSWORD}@h"]
)
def test_a_password_in_a_setting_that_is_no_secret_is_not_shown(url: str) -> None:
    fault = fault_of(**{**EVERY, "INFLUX_URL": url})

    assert fault.startswith("CHARGELINE_INFLUX_URL=")
    assert PASSWORD not in fault


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = load(**{**EVERY, **dict.fromkeys(("INFLUX_TOKEN", "PERSONAL_KEY", "HTTP_TOKEN"), PASSWORD * 3)})

    assert PASSWORD not in repr(settings)
    assert {settings.texts[name] for name, spec in SPECS.items() if spec.is_secret} == {"***"}
    assert [secret.reveal() for secret in settings.secrets()].count(PASSWORD * 3) == 3


def test_files_with_secrets_that_others_may_read_are_a_warning(tmp_path: Path, env_file: Path) -> None:
    (tmp_path / "token").write_text("token", "utf-8")
    (tmp_path / "token").chmod(0o640)
    env_file.write_text(f"CHARGELINE_PERSONAL_KEY={KEY}\n", "utf-8")
    env_file.chmod(0o644)
    first, second = load_settings(environ(HTTP_TOKEN_FILE=str(tmp_path / "token")), env_file).warnings

    closing = "and is open to others; close it: chmod 600"
    assert first == f"{tmp_path / 'token'} holds CHARGELINE_HTTP_TOKEN {closing} {tmp_path / 'token'}"
    assert second == f"{env_file} holds CHARGELINE_PERSONAL_KEY {closing} {env_file}"


@pytest.mark.parametrize("name", ["EASEE_CONNECTION_FILE", "KAFKA_CONFIG_FILE"])
def test_so_are_files_that_hold_passwords_beside_other_things(tmp_path: Path, name: str) -> None:
    path = tmp_path / "file"
    path.write_text("{}", "utf-8")
    path.chmod(0o644)
    (warning,) = load_settings(environ(**{name: str(path)})).warnings
    assert warning.startswith(f"{path} holds ")
    assert warning.endswith(f"(CHARGELINE_{name}) and is open to others; close it: chmod 600 {path}")


def test_an_env_file_without_secrets_may_be_open(env_file: Path) -> None:
    env_file.write_text("CHARGELINE_BATCH=7\n", "utf-8")
    env_file.chmod(0o644)
    assert load_settings({}, env_file).warnings == ()
