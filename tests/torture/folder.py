"""The folder that the three programs share: which file says what, and how it is written and read.

Owns names and forms. Imports nothing of the program under test: the checker reads by this.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple, TypeAlias

import orjson

SITE = "site.json"
MESSAGES = "messages.jsonl"
CONFIRMED = "confirmed.bin"
COMMANDS = "commands.jsonl"
FAULTS = "faults.jsonl"
SAMPLES = "samples.jsonl"
CALM = "calm"
SAID_ALL = "said-all"
DRAINED = "drained.json"
OVER = "over"
FOUND = "found.txt"
ENDED = "ended.json"

QUEUE = "Operator_1.Q"
INLET = "torture.inlet"
EXCHANGE = "Operator_1.C.X"
TAKEN = "torture.commands"
COPIES = "torture.copies"
OPERATOR = "Torture"

TIMEOUT_S = 8
"""COMMAND_TIMEOUT of the worker that is tortured: short, so that many commands end within a run."""

POLL_S = 0.1
_CONFIRMED = Struct("<QQ")

Entry: TypeAlias = Mapping[str, Any]


class Message(NamedTuple):
    """One message for the operator's queue. `at` is when it was made, nanoseconds; `arrival` the header, if any."""

    number: int
    at: int
    routing_key: str
    arrival: str | None
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.arrival is None else {"ArrivalTime": self.arrival}


def to_line(message: Message) -> bytes:
    number, at, key, arrival, body = message
    try:
        text: dict[str, str] = {"b": body.decode()}
    except UnicodeDecodeError:
        text = {"x": body.hex()}
    return orjson.dumps({"n": number, "t": at, "k": key, "a": arrival, **text}) + b"\n"


def from_line(line: bytes) -> Message:
    entry = orjson.loads(line)
    body = entry["b"].encode() if "b" in entry else bytes.fromhex(entry["x"])
    return Message(entry["n"], entry["t"], entry["k"], entry["a"], body)


def read_messages(folder: Path) -> Iterator[Message]:
    """Every message that was about to be published, in order."""
    with (folder / MESSAGES).open("rb") as lines:
        yield from map(from_line, lines)


def read_confirmed(folder: Path) -> dict[int, int]:
    """By the numbers of those that the broker took, each with its promise: when it surely had them, nanoseconds."""
    return dict(_CONFIRMED.iter_unpack((folder / CONFIRMED).read_bytes()))


def confirmations(numbers: Iterable[int], at: int) -> bytes:
    """What is appended to `CONFIRMED`."""
    return b"".join(_CONFIRMED.pack(number, at) for number in numbers)


def append(path: Path, entry: Entry) -> None:
    """One more line, which is on its way to the disk when this returns."""
    with path.open("ab", buffering=0) as file:
        file.write(orjson.dumps(entry) + b"\n")


def read_entries(path: Path) -> list[Entry]:
    """The lines of a log; none where there is no such file."""
    if not path.exists():
        return []
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def write(path: Path, entry: Entry) -> None:
    """A file that is there whole, or not at all."""
    new = path.with_suffix(".new")
    new.write_bytes(orjson.dumps(entry, option=orjson.OPT_INDENT_2))
    new.replace(path)


def read(path: Path) -> Entry:
    entry: Entry = orjson.loads(path.read_bytes())
    return entry


def wait_for(is_there: Callable[[], bool], patience_s: float) -> bool:
    """Whether this came true in time."""
    until = time.monotonic() + patience_s
    while not is_there():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True
