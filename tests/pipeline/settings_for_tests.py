"""Settings for tests: the defaults, with a folder of their own and what a test asks for."""

from pathlib import Path

from pipeline.settings import Settings, load_settings


def settings_in(folder: Path, **given: str) -> Settings:
    """The settings in force where DATA_DIR is `folder` and each of `given`, named without prefix, is set."""
    environ = {f"CHARGELINE_{name}": value for name, value in {"DATA_DIR": str(folder), **given}.items()}
    return load_settings(environ)
