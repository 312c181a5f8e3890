"""The desk: each command is durable before it is published, published once, and known afterwards, whatever happens.

The publisher is scripted, so that each end comes at its moment; with a real broker: tests/campaigns/test_commands.py.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipeline.core.command_life import CommandState
from pipeline.core.decode import Decoder
from pipeline.core.kept_facts import KeptKey
from pipeline.wires.command_desk import ConflictError, ForgottenError, NotPublishedError
from pipeline.wires.command_publisher import Published, PublishEnd
from pipeline.wires.progress_tables import Request
from pipeline.wires.state import StateFile
from pipeline.wires.store import StoreUnavailableError
from schemas.command import CommandResponse, CommandSent
from tests.pipeline.sending import CATALOGUE, DROP, HANGS_S, LIMITS, NOW, Bench, S, asked
from tests.waiting import until


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


async def test_the_intent_is_durable_before_anything_is_published(state: StateFile) -> None:
    bench = Bench(state)
    sent = await bench.desk.send(asked())
    assert bench.publisher.seen == [["m"]]
    assert sent.state is CommandState.PUBLISHED
    assert await bench.desk.find(sent.life.command.ref) == sent


async def test_a_repeated_request_publishes_nothing_and_another_one_under_its_name_is_refused(state: StateFile) -> None:
    bench = Bench(state)
    first = await bench.desk.send(asked())
    bench.now += 5 * S
    assert await bench.desk.send(asked()) == first
    with pytest.raises(ConflictError):
        await bench.desk.send(asked(fingerprint="other"))
    assert await Bench(state).desk.send(asked()) == first
    assert len(bench.publisher.published) == 1


async def test_requests_that_come_together_are_one(state: StateFile) -> None:
    bench = Bench(state)
    bench.publisher.gate.clear()
    both = [asyncio.create_task(bench.desk.send(asked())) for _ in range(2)]
    await bench.publisher.began.wait()
    assert bench.desk.is_known("m")
    with pytest.raises(ConflictError):
        await bench.desk.send(asked(fingerprint="other"))
    bench.publisher.gate.set()
    first, second = await asyncio.gather(*both)
    assert first == second
    assert len(bench.publisher.published) == 1


async def test_whoever_asked_may_leave_and_the_command_goes_its_way(state: StateFile) -> None:
    bench = Bench(state)
    bench.publisher.gate.clear()
    task = asyncio.create_task(bench.desk.send(asked()))
    await bench.publisher.began.wait()
    task.cancel()
    bench.publisher.gate.set()
    await bench.desk.close()
    assert bench.desk.is_known("m")
    assert len(await bench.desk.list(open_only=True, limit=10)) == 1


async def test_a_desk_that_closes_waits_only_so_long(state: StateFile) -> None:
    bench = Bench(state)
    bench.publisher.gate.clear()
    task = asyncio.create_task(bench.desk.send(asked()))
    await bench.publisher.began.wait()
    async with asyncio.timeout(HANGS_S):
        await bench.desk.close(0.01)
    assert not task.done()
    bench.publisher.gate.set()
    await task


@pytest.mark.parametrize("end", [PublishEnd.UNROUTABLE, PublishEnd.REFUSED, PublishEnd.UNREACHABLE])
async def test_of_what_was_not_published_nothing_stays(state: StateFile, end: PublishEnd) -> None:
    bench = Bench(state)
    bench.publisher.end = end
    with pytest.raises(NotPublishedError, match=str(end)) as raised:
        await bench.desk.send(asked())
    assert raised.value.end is end
    assert (state.requests(), dict(state.facts())) == ((), {})
    assert not bench.desk.is_known("m")
    assert bench.tracking.begin((), NOW).rows == ()
    bench.publisher.end = PublishEnd.CONFIRMED
    assert (await bench.desk.send(asked())).state is CommandState.PUBLISHED


async def test_what_may_have_arrived_is_unconfirmed_until_something_answers(state: StateFile) -> None:
    bench = Bench(state)
    bench.publisher.end = PublishEnd.UNKNOWN
    sent = await bench.desk.send(asked())
    assert sent.state is CommandState.UNCONFIRMED
    created = NOW + S
    bench.commit(CommandResponse("EH1", 48, True, None, created, None, created + S, None, None, created + S))
    found = await bench.desk.find(sent.life.command.ref)
    assert found is not None
    assert found.state is CommandState.ACCEPTED


async def test_a_crash_before_the_confirm_leaves_an_unconfirmed_command_that_is_not_sent_again(
    state: StateFile,
) -> None:
    crashed = Bench(state)
    crashed.publisher.gate.clear()
    task = asyncio.create_task(crashed.desk.send(asked()))
    await crashed.publisher.began.wait()
    after = Bench(state)
    again = await after.desk.send(asked())
    assert again.state is CommandState.UNCONFIRMED
    assert not after.publisher.published
    (row,) = after.tracking.begin((), NOW).rows
    assert dict(row.fields)["state"] == "unconfirmed"
    crashed.publisher.gate.set()
    await task


async def test_a_state_file_that_cannot_be_written_sends_nothing(
    state: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(state)

    def fail(*_: object) -> None:
        raise StoreUnavailableError("the disk is full; free some space", needs_operator=True)

    monkeypatch.setattr(state, "keep_request", fail)
    with pytest.raises(NotPublishedError, match="nothing was sent: the disk is full"):
        await bench.desk.send(asked())
    assert not bench.publisher.published


async def test_who_would_not_get_the_answers_sends_nothing(state: StateFile) -> None:
    bench = Bench(state)
    bench.why_not = "another one consumes"
    with pytest.raises(NotPublishedError, match="nothing was sent: another one consumes"):
        await bench.desk.send(asked())
    assert (bench.publisher.published, state.requests()) == ([], ())


async def test_the_moment_of_a_command_is_that_of_its_publication_not_of_connecting(state: StateFile) -> None:
    bench = Bench(state)
    bench.publisher.line.clear()
    task = asyncio.create_task(bench.desk.send(asked()))
    async with asyncio.timeout(HANGS_S):
        await until(lambda: bench.publisher.connecting > 0)
    bench.now += 8 * S
    bench.publisher.line.set()
    sent = await task
    assert sent.life.command.published_at == bench.now
    created = bench.now + 4 * S
    bench.commit(CommandResponse("EH1", 48, True, None, created, None, created + S, None, None, created + S))
    found = await bench.desk.find(sent.life.command.ref)
    assert found is not None
    assert found.state is CommandState.ACCEPTED


async def test_of_what_cannot_be_published_for_want_of_a_connection_no_intent_is_kept(state: StateFile) -> None:
    bench = Bench(state)
    bench.publisher.refusal = Published(PublishEnd.UNREACHABLE, "nobody there")
    with pytest.raises(NotPublishedError, match="nobody there"):
        await bench.desk.send(asked())
    assert (bench.publisher.published, state.requests()) == ([], ())


@pytest.mark.parametrize(("slow_times", "tries"), [(1, 2), (10, 3)])
async def test_a_disk_that_takes_long_makes_no_wrong_moment(
    state: StateFile, monkeypatch: pytest.MonkeyPatch, slow_times: int, tries: int
) -> None:
    bench = Bench(state)
    keep, kept = state.keep_request, []

    def slowly(request: Request, facts: Mapping[KeptKey, bytes | None]) -> None:
        keep(request, facts)
        kept.append(request.published_at)
        bench.now += 2 * S * (len(kept) <= slow_times)

    monkeypatch.setattr(state, "keep_request", slowly)
    sent = await bench.desk.send(asked())
    assert kept == [NOW + 2 * S * number for number in range(tries)]
    assert sent.life.command.published_at == kept[-1]
    assert [request.published_at for request in state.requests()] == [kept[-1]]
    assert len(dict(state.facts())) == 1


async def test_what_expires_while_the_broker_is_reached_is_not_sent(state: StateFile) -> None:
    bench = Bench(state)
    request = asked()
    expiring = request._replace(command=request.command._replace(expires_at=NOW + S))
    bench.publisher.line.clear()
    task = asyncio.create_task(bench.desk.send(expiring))
    async with asyncio.timeout(HANGS_S):
        await until(lambda: bench.publisher.connecting > 0)
    bench.now += S
    bench.publisher.line.set()
    with pytest.raises(NotPublishedError, match="expired before"):
        await task
    assert (bench.publisher.published, state.requests()) == ([], ())


async def test_a_copy_of_what_was_sent_reads_as_the_same_command(state: StateFile) -> None:
    bench = Bench(state)
    sent = await bench.desk.send(asked())
    (copy,) = bench.copies
    (outcome,) = Decoder(CATALOGUE, DROP).decode([copy]).outcomes
    assert isinstance(outcome, CommandSent)
    assert outcome._replace(received_at=None) == sent.life.command
    bench.commit(outcome)
    assert len(await bench.desk.list(open_only=False, limit=10)) == 1


async def test_personal_arguments_are_published_and_not_kept(state: StateFile) -> None:
    bench = Bench(state)
    sent = await bench.desk.send(asked("m", "f", "EH1", "25", "04AABBCCDDEEFF", "1"))
    assert b"04AABBCCDDEEFF" in bench.publisher.published[0][0].body
    assert sent.life.command.arguments[0].value == "present"
    assert not any(b"04AABBCCDDEEFF" in content for _, content in state.facts())


async def test_commands_are_listed_the_newest_first(state: StateFile) -> None:
    bench = Bench(state)
    refs = []
    for number in range(3):
        bench.now = NOW + number * S
        refs.append((await bench.desk.send(asked(f"m{number}"))).life.command.ref)
    listed = await bench.desk.list(open_only=False, limit=2)
    assert [sent.life.command.ref for sent in listed] == [refs[2], refs[1]]
    bench.time_passes(70)
    assert await bench.desk.list(open_only=True, limit=10) == ()


async def test_a_key_whose_command_is_forgotten_says_so_for_ever(state: StateFile) -> None:
    """A clock that is set back dates a command so early that it is forgotten before its key."""
    bench = Bench(state)
    await bench.desk.send(asked())
    for _ in range(4):
        bench.time_passes(3 * 3_600)
    for _ in range(2):
        with pytest.raises(ForgottenError):
            await bench.desk.send(asked())
    assert len(bench.publisher.published) == 1


async def test_a_request_is_forgotten_with_its_command(state: StateFile) -> None:
    bench = Bench(state)
    sent = await bench.desk.send(asked())
    for _ in range(4):
        bench.time_passes(3 * 3_600)
    assert await bench.desk.find(sent.life.command.ref) is None
    await bench.desk.send(asked("other"))
    assert [request.message_id for request in state.requests()] == ["other"]
    assert not bench.desk.is_known("m")
