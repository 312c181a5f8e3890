"""What is wrong beyond what the checker counts: how those that were tortured took their end."""

from pathlib import Path

import pytest

from tests.torture.conductor import verdict
from tests.torture.folder import ENDED, Entry, write

GOOD: Entry = {"longest_s": 1.5, "lives": 3, "is_gone": True, "wrong_ends": [], "tracebacks": 0}


@pytest.mark.parametrize(
    ("ended", "code", "words"),
    [
        ({}, 0, []),
        ({}, 1, ["the checker found faults"]),
        ({"wrong_ends": ["track-1 ended with 1 after SIGTERM"]}, 0, ["track-1 ended with 1 after SIGTERM"]),
        ({"longest_s": 11.0}, 0, ["SIGTERM took 11.0 s"]),
        ({"is_gone": False, "longest_s": 30.0}, 0, ["SIGTERM took 30.0 s"]),
        ({"tracebacks": 2}, 0, ["the worker's log has 2 stack traces"]),
    ],
)
def test_verdict(tmp_path: Path, ended: Entry, code: int, words: list[str]) -> None:
    write(tmp_path / ENDED, {**GOOD, **ended})
    assert verdict(tmp_path, code) == words
