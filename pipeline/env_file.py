"""Env files: a file of `NAME=value` lines to the variables in it.

Owns the form of the file (python-dotenv's, but nothing in a value is replaced by other variables). Must not know any
setting. A line that cannot be read is a fault, not a warning: whoever wrote it meant something by it.
"""

from io import StringIO
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import parse_stream

_MOST_CHARACTERS = 1 << 20


class EnvFile(NamedTuple):
    """What an env file says; of a name that stands in it twice, the last line. A fault names the file and the line.

    Lines are never quoted in a fault: they may hold secrets.
    """

    values: dict[str, str]
    faults: tuple[str, ...]


def read_env_file(path: Path) -> EnvFile:
    """Read the file. One that cannot be read is a fault of its own."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except OSError as fault:
        return EnvFile({}, (f"--env-file {path} cannot be read: {fault.strerror}",))
    except UnicodeDecodeError:
        return EnvFile({}, (f"--env-file {path} is not UTF-8 text; save it as such",))
    except ValueError:
        return EnvFile({}, (f"--env-file {path} cannot be a path",))
    if len(text) > _MOST_CHARACTERS:
        return EnvFile({}, (f"--env-file {path} is longer than {_MOST_CHARACTERS} characters; is it the right file?",))
    return _parse(path, text.removeprefix("\ufeff"))


def _parse(path: Path, text: str) -> EnvFile:
    values: dict[str, str] = {}
    faults: list[str] = []
    for binding in parse_stream(StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            written = binding.original.string
            blank = written[: len(written) - len(written.lstrip())]
            line = binding.original.line + blank.count("\n")
            faults.append(f"--env-file {path} line {line} is not NAME=value; put a value with special signs in quotes")
        elif binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return EnvFile(values, tuple(faults))
