"""SECURITY.md: every threat has an answer that a test holds, and every test that it names exists."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "SECURITY.md").read_text("utf-8")
THREATS = (
    "Hostile payloads",
    "Hostile broker",
    "Hostile store",
    "Hostile Kafka",
    "Leaked logs and files",
    "Exposed ports",
    "Token guessing",
    "Replayed HTTP requests",
    "Dependency compromise",
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
DEFINED = re.compile(r"^(?:async )?def (test_\w+)\(", re.MULTILINE)
ANSWER = re.compile(r"^- (?:.|\n(?!- |\n))+", re.MULTILINE)


def sections(document: str) -> Mapping[str, str]:
    """Heading -> what stands below it."""
    _, *parts = re.split(r"^## ", document, flags=re.MULTILINE)
    return {heading: text for heading, _, text in (part.partition("\n") for part in parts)}


def faults_of(document: str, root: Path = ROOT) -> list[str]:
    """Tests that are named and do not exist, and answers that name none."""
    faults = [
        f"there is no {path}::{name}"
        for path, name in NAMED.findall(document)
        if not (root / path).is_file() or name not in DEFINED.findall((root / path).read_text("utf-8"))
    ]
    for heading, text in sections(document).items():
        faults += [f"{heading}: nothing holds: {answer[:60]}" for answer in ANSWER.findall(text) if "::" not in answer]
    return faults


def test_the_threats_are_these() -> None:
    assert tuple(sections(DOCUMENT)) == THREATS


@pytest.mark.parametrize("threat", THREATS)
def test_a_threat_has_answers_that_tests_hold(threat: str) -> None:
    assert NAMED.search(sections(DOCUMENT)[threat])


def test_every_test_that_is_named_exists_and_every_answer_names_one() -> None:
    assert faults_of(DOCUMENT) == []


def test_every_test_of_security_is_named() -> None:
    folder = Path(__file__).parent
    tests = {
        (f"tests/security/{path.name}", name)
        for path in folder.glob("test_*.py")
        for name in DEFINED.findall(path.read_text("utf-8"))
        if path != Path(__file__)
    }
    assert tests - set(NAMED.findall(DOCUMENT)) == set()


def test_a_test_that_does_not_exist_is_seen() -> None:
    assert faults_of("## X\n\n- Safe. `tests/security/test_tls.py::test_nothing`\n") == [
        "there is no tests/security/test_tls.py::test_nothing"
    ]
    assert faults_of("## X\n\n- Safe. `tests/no/test_x.py::test_y`\n") == ["there is no tests/no/test_x.py::test_y"]


def test_an_answer_without_a_test_is_seen() -> None:
    assert faults_of("## X\n\n- Safe, believe us,\n  truly.\n") == ["X: nothing holds: - Safe, believe us,\n  truly.\n"]
