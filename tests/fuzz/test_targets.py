"""Every target holds for its corpus, for what chance makes of it, and for what a short guided run finds."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.decode import Decoder, reject
from pipeline.core.known_shapes import KnownShapes
from pipeline.wires import replay_file
from pipeline.wires.amqp_properties import PropertiesReader
from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason
from tests.fuzz.__main__ import fuzz, runs_of
from tests.fuzz.corpus import MOST_BYTES, inputs_of, mutations
from tests.fuzz.guided import has_guide
from tests.fuzz.targets import SEPARATOR, TARGETS
from tests.pipeline.wires.amqp_streams import stream_of, usual

SHORT_S = 10
FEWEST_RUNS = 10
CHANCES = 300
MOST_INPUTS = 200
ONE = b'EH000281.O.48\n2023-06-08T06:59:17Z\n{"Id":48,"Timestamp":"2023-06-08T06:59:16Z","Value":13}'


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_holds_and_is_small(target: str) -> None:
    inputs = inputs_of(target)

    assert 0 < len(inputs) <= MOST_INPUTS
    assert max(map(len, inputs.values())) <= MOST_BYTES
    for content in inputs.values():
        TARGETS[target](content)


@pytest.mark.parametrize("target", TARGETS)
def test_what_chance_makes_of_the_corpus_holds(target: str) -> None:
    for content in mutations(list(inputs_of(target).values()), CHANCES, seed=10):
        TARGETS[target](content)


@pytest.mark.skipif(not has_guide(), reason="atheris has no wheel for this system; chance stands in for it")
@pytest.mark.parametrize("target", TARGETS)
def test_a_short_guided_run_finds_nothing(target: str, tmp_path: Path) -> None:
    done = fuzz(target, SHORT_S, tmp_path, seed=10)

    assert done.returncode == 0, done.stdout + done.stderr
    assert runs_of(done.stderr) > FEWEST_RUNS
    assert list((tmp_path / "found").iterdir()) == []


def stumble(*_: object) -> None:
    raise IndexError


def test_a_decoder_that_stumbles_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "_read_in_full", stumble)
    with pytest.raises(AssertionError, match="a fault of ours"):
        TARGETS["decode"](ONE)


def test_a_decoder_whose_neighbours_change_an_outcome_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: KnownShapes, deliveries: Sequence[Delivery]) -> list[Reject | None]:
        return [None if len(deliveries) == 1 else reject(each, RejectReason.JSON, "") for each in deliveries]

    monkeypatch.setattr(KnownShapes, "read", read)
    with pytest.raises(AssertionError, match="among others"):
        TARGETS["decode"](SEPARATOR.join([ONE, ONE]))


def test_a_tap_that_stumbles_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PropertiesReader, "read", stumble)
    with pytest.raises(IndexError):
        TARGETS["amqp"](stream_of([usual(1)]))


def test_a_replay_that_loses_a_line_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_file._Splitter, "finish", lambda _: [])
    with pytest.raises(AssertionError, match="bytes"):
        TARGETS["replay"](b"a\nb")
