"""Retries of the desk: what timed out is published again where that does no harm, and never behind something newer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation, Spans
from pipeline.wires.command_publisher import PublishEnd
from pipeline.wires.state import StateFile
from schemas.command import CommandResponse
from tests.pipeline.sending import CATALOGUE, DROP, HANGS_S, LIMITS, NOW, RULES, TIMEOUT, Bench, S, asked
from tests.waiting import until

RETRYING = RULES._replace(retry_attempts=2)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


async def test_what_timed_out_is_sent_again_so_often_under_refs_of_its_own(state: StateFile) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked())
    for _ in range(4):
        bench.time_passes(70)
        await bench.desk.close()
    listed = await bench.desk.list(open_only=False, limit=10)
    assert [sent.life.attempt for sent in listed] == [2, 1, 0]
    assert len({sent.life.command.ref for sent in listed}) == 3
    bodies = {message.body for message, _ in bench.publisher.published}
    assert len(bench.publisher.published) == 3
    assert len(bodies) == 1


@pytest.mark.parametrize(
    "words", [("EH1", "1"), ("EH1", "25", "04AA", "1")], ids=["a reboot is not repeated", "nor is what is redacted"]
)
async def test_what_would_do_harm_is_not_sent_again(state: StateFile, words: tuple[str, ...]) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked("m", "f", *words))
    bench.time_passes(70)
    await bench.desk.close()
    assert len(bench.publisher.published) == 1


async def test_what_was_replaced_or_became_known_too_late_is_not_sent_again(state: StateFile) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked("a"))
    bench.now += S
    await bench.desk.send(asked("b"))
    bench.time_passes(64.5)
    await bench.desk.close()
    assert [message_id for _, message_id in bench.publisher.published] == ["a", "b"]
    bench.time_passes(3_600)
    await bench.desk.close()
    assert [message_id for _, message_id in bench.publisher.published] == ["a", "b"]


async def test_what_is_just_being_replaced_is_not_sent_again(state: StateFile) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked("a"))
    bench.publisher.gate.clear()
    bench.publisher.began.clear()
    newer = asyncio.create_task(bench.desk.send(asked("b")))
    await bench.publisher.began.wait()
    others = asyncio.all_tasks()
    bench.time_passes(70)
    async with asyncio.timeout(HANGS_S):
        await until(lambda: asyncio.all_tasks() == others)
    bench.publisher.gate.set()
    await newer
    await bench.desk.close()
    assert [message_id for _, message_id in bench.publisher.published] == ["a", "b"]


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "answered"])
async def test_a_retry_that_is_overtaken_while_it_connects_is_not_sent(state: StateFile, is_replaced: bool) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked("a"))
    bench.publisher.line.clear()
    async with asyncio.timeout(HANGS_S):
        bench.time_passes(70)
        await until(lambda: bench.publisher.connecting > 1)
        if is_replaced:
            newer = asyncio.create_task(bench.desk.send(asked("b")))
            await until(lambda: bench.publisher.connecting > 2)
            bench.publisher.line.set()
            await newer
        else:
            created, arrived = NOW + S, bench.now
            bench.commit(CommandResponse("EH1", 48, True, None, created, None, arrived, None, None, arrived))
            bench.publisher.line.set()
        await bench.desk.close()
    assert [message_id for _, message_id in bench.publisher.published] == ["a", "b"][: 1 + is_replaced]
    assert len(state.requests()) == 1 + is_replaced


async def test_a_retry_that_was_sent_before_a_restart_is_not_sent_twice(state: StateFile) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked())
    bench.time_passes(70)
    await bench.desk.close()
    after = Bench(state, RETRYING)
    after.now = bench.now
    first = next(iter(after.tracking.active()))
    after.desk.told([first])
    await after.desk.close()
    assert not after.publisher.published


async def test_a_recording_says_which_attempt_it_was_and_that_the_brokers_word_is_missing(state: StateFile) -> None:
    bench = Bench(state, RETRYING)
    await bench.desk.send(asked())
    bench.publisher.end = PublishEnd.UNKNOWN
    bench.time_passes(70)
    await bench.desk.close()
    decoder, replayed = Decoder(CATALOGUE, DROP), Derivation(CATALOGUE, Spans(TIMEOUT, 1_200 * S, 6 * 3_600 * S))
    replayed.take(decoder.decode(bench.copies).outcomes)
    rows = [dict(row.fields) for row in replayed.advance().rows]
    assert [(row["attempt"], row["state"]) for row in rows] == [(0.0, "published"), (1.0, "unconfirmed")]
    live = [dict(row.fields) for row in bench.tracking.begin((), bench.now).rows]
    assert rows[-1] in live
