"""Commands sent and asked for over HTTP, with a desk that keeps them in memory."""

import asyncio

import orjson
import pytest

from pipeline.core.body import Json
from pipeline.wires.command_api import MOST_BODY_BYTES
from pipeline.wires.command_publisher import PublishEnd
from tests.pipeline.wires.asking import BEARER, BODY, COMMANDS, JSON, Answer, Ask, ask_once, converse, post
from tests.pipeline.wires.memory_desk import TIMEOUT_NS, MemoryDesk, S


def test_the_way_from_no_token_to_a_command_sent_once() -> None:
    desk = MemoryDesk()
    keyed = {**BEARER, **JSON, "Idempotency-Key": "order-4711"}

    async def conversation(ask: Ask) -> list[Answer]:
        return [
            await ask(data=BODY, headers=JSON),
            await ask(data=BODY, headers={**JSON, "Authorization": "Bearer wrong"}),
            await ask(data=b"{", headers=keyed),
            await ask(data=b" " * (MOST_BODY_BYTES + 1), headers=keyed),
            await ask(data=BODY, headers=keyed),
            await ask(data=BODY, headers=keyed),
            await ask(data=BODY | {"ttl": 6}, headers=keyed),
            await ask(data=BODY),
        ]

    answers = converse(desk, conversation)
    *refused, first, again, conflict, without_key = answers

    assert [(each.status, each.code) for each in refused] == [
        (401, "token"),
        (401, "token"),
        (400, "json"),
        (413, "too_large"),
    ]
    assert first.status == again.status == 201
    assert first.document == again.document
    assert first.headers["Location"] == again.headers["Location"] == f"{COMMANDS}/{first.document['ref']}"
    assert (conflict.status, conflict.code) == (409, "idempotency_key")
    assert without_key.status == 201
    assert without_key.document["ref"] != first.document["ref"]
    assert desk.published == 2


def test_what_is_answered_to_a_command_that_was_sent() -> None:
    document = post(MemoryDesk()).document

    assert document == {
        "ref": document["ref"],
        "serial": "EH123456",
        "command": "SetDynamicChargerCurrent",
        "command_id": 48,
        "arguments": ["13", "5"],
        "published_at": "2023-05-04T16:55:23.000000000Z",
        "expires_at": "2023-05-04T16:56:23.000000000Z",
        "deadline": "2023-05-04T16:56:23.000000000Z",
        "attempt": 0,
    }


def test_a_key_holds_for_requests_at_the_same_moment() -> None:
    desk = MemoryDesk()
    keyed = {**BEARER, **JSON, "Idempotency-Key": "k"}

    async def conversation(ask: Ask) -> list[Answer]:
        return list(await asyncio.gather(*(ask(data=BODY, headers=keyed) for _ in range(10))))

    answers = converse(desk, conversation)

    assert len({orjson.dumps(answer.document) for answer in answers}) == 1
    assert desk.published == 1


def test_a_key_holds_when_the_command_has_expired_and_was_answered() -> None:
    desk = MemoryDesk()
    keyed = {**BEARER, **JSON, "Idempotency-Key": "k"}
    body = {**BODY, "expires_in_s": None, "expires_at": "2023-05-04T16:55:24Z"}
    first = converse(desk, lambda ask: ask(data=body, headers=keyed))
    desk.answer(str(first.document["ref"]))
    # A year on, the body alone would be refused.
    late = {**BODY, "expires_in_s": None, "expires_at": "2023-05-04T16:55:22Z"}

    async def conversation(ask: Ask) -> list[Answer]:
        return [await ask(data=body, headers=keyed), await ask(data=late), await ask(data=late, headers=keyed)]

    again, unknown, other = converse(desk, conversation)

    assert (again.status, again.document) == (201, first.document)
    assert (unknown.status, other.status) == (422, 409)


@pytest.mark.parametrize("key", ["", "with blank", "x" * 256, "é"])
def test_a_key_that_is_none(key: str) -> None:
    answer = ask_once(data=BODY, headers={**BEARER, **JSON, "Idempotency-Key": key})
    assert (answer.status, answer.code) == (400, "idempotency_key")


@pytest.mark.parametrize(
    ("end", "status"), [(PublishEnd.UNROUTABLE, 502), (PublishEnd.REFUSED, 502), (PublishEnd.UNREACHABLE, 503)]
)
def test_what_was_not_published_is_an_error_and_can_be_sent_again(end: PublishEnd, status: int) -> None:
    desk = MemoryDesk(end=end)
    keyed = {**BEARER, **JSON, "Idempotency-Key": "k"}

    async def conversation(ask: Ask) -> list[Answer]:
        first = await ask(data=BODY, headers=keyed)
        desk.end = PublishEnd.CONFIRMED
        return [first, await ask(data=BODY, headers=keyed)]

    first, again = converse(desk, conversation)

    assert (first.status, first.code) == (status, end.value)
    assert again.status == 201
    assert desk.published == 1


def test_without_the_brokers_word_it_is_accepted_and_unconfirmed() -> None:
    desk = MemoryDesk(end=PublishEnd.UNKNOWN)
    sent = post(desk)
    shown = converse(desk, lambda ask: ask(sent.headers["Location"]))

    assert sent.status == 202
    assert shown.document["state"] == "unconfirmed"


@pytest.mark.parametrize(("is_answered", "status"), [(False, 202), (True, 201)])
def test_asked_again_after_its_deadline_it_is_as_uncertain_as_before(is_answered: bool, status: int) -> None:
    desk = MemoryDesk(end=PublishEnd.UNKNOWN)

    keyed = {**BEARER, **JSON, "Idempotency-Key": "one"}

    async def conversation(ask: Ask) -> list[Answer]:
        first = await ask(data=BODY, headers=keyed)
        if is_answered:
            desk.answer(str(first.document["ref"]))
        desk.watermark += 2 * TIMEOUT_NS
        return [first, await ask(data=BODY, headers=keyed)]

    first, again = converse(desk, conversation)
    assert (first.status, again.status) == (202, status)


def test_a_key_whose_command_is_forgotten_is_a_conflict_that_no_try_mends() -> None:
    desk = MemoryDesk()
    keyed = {**BEARER, **JSON, "Idempotency-Key": "one"}

    async def conversation(ask: Ask) -> list[Answer]:
        first = await ask(data=BODY, headers=keyed)
        desk.forget(str(first.document["ref"]))
        return [first, await ask(data=BODY, headers=keyed)]

    first, again = converse(desk, conversation)
    assert (first.status, again.status, again.code) == (201, 409, "forgotten")


def test_what_became_of_it() -> None:
    desk = MemoryDesk()
    ref = str(post(desk).document["ref"])
    desk.answer(ref)
    desk.take_effect(ref)
    answer = converse(desk, lambda ask: ask(f"{COMMANDS}/{ref}"))

    assert answer.status == 200
    assert answer.document["state"] == "accepted"
    assert (answer.document["ok"], answer.document["confirmed"], answer.document["failed"]) == (True, True, False)
    assert (answer.document["response_ms"], answer.document["effect_ms"]) == (1000.0, 2000.0)


@pytest.mark.parametrize("ref", ["0" * 32, "0", "%2e%2e%2fhealthz", "'", "0" * 32 + "/x"])
def test_a_ref_that_nobody_knows(ref: str) -> None:
    answer = ask_once(f"{COMMANDS}/{ref}")
    assert (answer.status, answer.code) == (404, "unknown_ref")


def test_commands_are_listed_the_newest_first() -> None:
    desk = MemoryDesk()
    refs = [str(post(desk, ttl=ttl).document["ref"]) for ttl in (1, 2, 3)]
    desk.answer(refs[1])

    def listed(query: str) -> list[Json]:
        commands = converse(desk, lambda ask: ask(COMMANDS + query)).document["commands"]
        assert isinstance(commands, list)
        return [command["ref"] for command in commands if isinstance(command, dict)]

    assert listed("") == listed("?open=false") == refs[::-1]
    assert listed("?open=true") == [refs[2], refs[0]]
    assert listed("?limit=1") == [refs[2]]
    desk.watermark += TIMEOUT_NS + 3 * S
    assert listed("?open=true") == []
