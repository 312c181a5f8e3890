"""The final rows of commands, compared with what the journals say must have become of each.

Owns which commands there were, and the comparison. What was sent or answered while the worker's clock was wrong is
exempt: nobody can know when it was published, or how old it seemed to be. Pure. Imports nothing of the program under
test.
"""

import hashlib
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from tests.oracle.reading import Fields, RowKey
from tests.oracle.times import nanoseconds
from tests.torture.cloud import NAMES
from tests.torture.command_truth import EARLIEST_NS, LATEST_NS, Response, Sent, Shown, Truth, pairs, truth_of
from tests.torture.expected import Fault
from tests.torture.folder import TIMEOUT_S, Entry, Message
from tests.torture.messages import S
from tests.torture.plan import CLOCK_STEPS

READBACKS = frozenset({47, 48})
SILENCES = frozenset({"timed_out", "expired"})
SURE = 201
BEFORE_NS, BEHIND_NS = 10 * S, 15 * S
"""So long before a step something may have been said that is taken in during it; and so long behind one something is
still an hour behind the clock that was wrong."""
HELD_NS = 120 * S
"""So long a message may be with a consumer at most."""
SLACK_NS = S // 1000
"""How far the order of two clock readings by two processes may deceive."""
RESOLUTION_NS = 100

Rows = Mapping[RowKey, Fields]


class Known(NamedTuple):
    """A command that must have a row. `asked_at`, `told_at`: when it was asked for, and answered; of ours."""

    sent: Sent
    is_exempt: bool
    asked_at: int
    told_at: int


class Commands:
    """Everything about commands that the journals hold."""

    def __init__(self, log: Iterable[Entry], faults: Sequence[Entry]) -> None:
        self._by_kind: dict[str, list[Entry]] = defaultdict(list)
        for entry in log:
            self._by_kind[entry["is"]].append(entry)
        self._steps = [
            (each["began"] - BEFORE_NS, each["healed"] + BEHIND_NS) for each in faults if each["kind"] in CLOCK_STEPS
        ]
        self._cancelled = [(each["began"], each["healed"]) for each in faults if each["kind"] == "consumer_cancelled"]
        self._responses: dict[tuple[str, int], list[Response]] = defaultdict(list)
        self._waits_since: dict[tuple[str, int, int], int] = {}
        self._shown: dict[str, list[Shown]] = defaultdict(list)
        self._seen: set[tuple[str, int, int]] = set()

    def see(self, message: Message, confirmed_at: int | None) -> None:
        """A message of the operator's queue, if commands have to do with it; when the broker surely had it, if ever."""
        serial, _, rest = message.routing_key.partition(".")
        kind, _, number = rest.partition(".")
        if kind == "CR":
            self._see_response(serial, int(number), message, confirmed_at)
        elif kind == "O" and number in ("47", "48"):
            body = orjson.loads(message.body)
            stamped, arrived = nanoseconds(body["Timestamp"]), nanoseconds(message.arrival or "")
            assert stamped is not None
            assert arrived is not None
            self._shown[serial].append(Shown(serial, int(number), stamped, arrived, float(body["Value"])))

    def known(self, rows: Rows) -> tuple[list[Known], list[Fault]]:
        """Every command that must have a row, and faults of those that cannot be told from the rows."""
        asked = {each["key"]: each for each in self._by_kind["asked"]}
        told = {each["key"]: each for each in self._by_kind["told"]}
        found = [self._told(asked[key], entry) for key, entry in told.items()]
        # One that was sent by a clock an hour behind is forgotten at once: its key is refused from then on.
        refused = {each["key"]: each for each in self._by_kind["refused"]}
        faults = [
            Fault("command", f"{key} was asked for, and the answer was {refused.get(key)}")
            for key in asked.keys() - told.keys()
            if not self._is_exempt(asked[key]["at"], asked[key]["at"])
        ]
        places = {(key[1], dict(key[2])["command"], key[3] // RESOLUTION_NS): fields for key, fields in rows.items()}
        for copy in self._by_kind["copy"]:
            name = NAMES[copy["id"]]
            fields = places.get((copy["serial"], name, copy["published_at"] // RESOLUTION_NS))
            if fields is None:
                if self._is_exempt(copy["at"], copy["at"]):
                    continue
                faults.append(Fault("command", f"the copy {copy['key']} to {copy['serial']}, {name}, has no row"))
                continue
            amperes = _amperes(orjson.loads(copy["b"])["Arguments"])
            place = (str(fields["ref"]), copy["serial"], copy["id"], copy["published_at"])
            known = Sent(*place, copy["expires_at"], amperes)
            found.append(Known(known, self._is_exempt(copy["at"], copy["at"]), copy["at"], copy["at"]))
        return found, faults

    def faults(self, rows: Rows, outcomes: Rows, responses: Rows) -> Iterator[Fault]:
        """What is not as it must be with rows of commands, their decisions, and whose each response is."""
        known, faults = self.known(rows)
        yield from faults
        yield from self._published_twice()
        truths, owners = self._truths([each.sent for each in known])
        exempt = self._exempt(known, owners)
        decided: dict[str, dict[tuple[str, float], int]] = defaultdict(dict)
        for key, fields in outcomes.items():
            if fields.get("refuted") == 0.0:
                decided[str(fields["ref"])][dict(key[2])["outcome"], float(fields["late"])] = key[3]
        stored = {str(fields["ref"]): (key, fields) for key, fields in rows.items()}
        for each in known:
            ref = each.sent.ref
            row = stored.pop(ref, None)
            if ref in exempt:
                continue
            if row is None:
                yield Fault("command", f"no row of {each.sent}")
            else:
                yield from _compare(each, truths[ref], *row, decided[ref])
        for key, fields in stored.values():
            yield Fault("command", f"nobody sent {key}: {fields}")
        yield from self._said_too_early([each.sent for each in known if each.sent.ref not in exempt], owners, outcomes)
        for response in self._all_responses():
            if self._is_exempt(response.created_at, response.arrived_at):
                continue
            yield from _compare_owner(response, owners, exempt, responses)

    @staticmethod
    def taken_back(outcomes: Rows) -> list[str]:
        """Decisions that were said and do not hold, each in words: no fault where the cloud was late, but known."""
        found = [(key, fields) for key, fields in outcomes.items() if fields.get("refuted") == 1.0]
        return [f"{dict(key[2])['outcome']} of {fields['ref']} to {key[1]}, at {key[3]}" for key, fields in found]

    @property
    def count(self) -> int:
        """How many were asked for, or sent by others."""
        return len(self._by_kind["asked"]) + len(self._by_kind["copy"])

    def _told(self, asked: Entry, told: Entry) -> Known:
        answer = told["as"]
        published, expires = nanoseconds(answer["published_at"]), nanoseconds(answer["expires_at"] or "")
        assert published is not None
        amperes = int(answer["arguments"][0]) if answer["arguments"] else None
        sent = Sent(answer["ref"], asked["serial"], asked["id"], published, expires, amperes)
        return Known(sent, self._is_exempt(asked["at"], told["at"]), asked["at"], told["at"])

    def _is_exempt(self, first: int, last: int) -> bool:
        """Whether the worker's clock was wrong within this time."""
        return any(first <= until and last >= began for began, until in self._steps)

    def _exempt(self, known: Sequence[Known], owners: Mapping[tuple[str, int, int], str]) -> set[str]:
        """Commands sent then, those whose answer came then, and the one before each, which it supersedes."""
        exempt = {each.sent.ref for each in known if each.is_exempt}
        exempt |= {
            owner
            for (_, _, created), owner in owners.items()
            if self._is_exempt(created, created + (TIMEOUT_S + 5) * S)
        }
        in_order = sorted((each.sent for each in known), key=lambda it: (it.serial, it.command_id, it.published_at))
        befores = {
            before.ref for before, after in pairwise(in_order) if after.ref in exempt and before[1:3] == after[1:3]
        }
        return exempt | befores

    def _truths(self, sent: Sequence[Sent]) -> tuple[dict[str, Truth], dict[tuple[str, int, int], str]]:
        threads: dict[tuple[str, int], list[Sent]] = defaultdict(list)
        for each in sent:
            threads[each.serial, each.command_id].append(each)
        truths: dict[str, Truth] = {}
        owners: dict[tuple[str, int, int], str] = {}
        for (serial, command_id), thread in threads.items():
            thread.sort(key=lambda each: (each.published_at, each.ref))
            paired = pairs(thread, self._responses[serial, command_id])
            for place, each in enumerate(thread):
                newer = thread[place + 1] if place + 1 < len(thread) else None
                response = paired.get(each.ref)
                truths[each.ref] = truth_of(each, response, newer, self._shown[serial])
                if response is not None:
                    owners[serial, command_id, response.created_at] = each.ref
        return truths, owners

    def _said_too_early(
        self, sent: Sequence[Sent], owners: Mapping[tuple[str, int, int], str], outcomes: Rows
    ) -> Iterator[Fault]:
        """Time-outs that were taken back, though the answer lay in the queue when the time was over.

        Where the queue itself died, the broker may have kept what it had given out from everybody. Of commands that
        follow each other closely an answer may seem to be the other's until that has its own. Roles do not promise it
        where a bridge dies between two answers of the broker (`pipeline.core.bridges`).
        """
        answers = {ref: name for name, ref in owners.items()}
        taken_back = {
            str(fields["ref"])
            for key, fields in outcomes.items()
            if fields.get("refuted") == 1.0 and dict(key[2])["outcome"] in SILENCES
        }
        for each in sent:
            since = self._waits_since.get(answers.get(each.ref, ("", 0, 0)), each.deadline + 1)
            is_kept = any(began - HELD_NS < since < healed + HELD_NS for began, healed in self._cancelled)
            is_early = each.ref in taken_back and since <= each.deadline and not is_kept
            if is_early and not any(_are_close(each, other) for other in sent):
                yield Fault("command", f"{each} timed out, though its answer was in the queue at {since}")

    def _published_twice(self) -> Iterator[Fault]:
        """Each command of ours comes to the exchange once, and surely where the worker said so."""
        fresh = Counter(_ref_of(each) for each in self._by_kind["taken"] if not each["again"])
        yield from (Fault("command", f"{ref} was published {times} times") for ref, times in fresh.items() if times > 1)
        came = {_ref_of(each) for each in self._by_kind["taken"]}
        promised = {each["as"]["ref"] for each in self._by_kind["told"] if each["status"] == SURE}
        yield from (Fault("command", f"{ref} was called published, and never came") for ref in promised - came)

    def _see_response(self, serial: str, command_id: int, message: Message, confirmed_at: int | None) -> None:
        body = orjson.loads(message.body)
        times = (nanoseconds(body["Timestamp"]), nanoseconds(message.arrival or ""), nanoseconds(body["DeliveredAt"]))
        created, arrived, delivered = times
        assert created is not None
        assert arrived is not None
        assert delivered is not None
        if confirmed_at is not None:
            self._waits_since.setdefault((serial, command_id, created), confirmed_at)
        if (serial, command_id, created) not in self._seen:
            self._seen.add((serial, command_id, created))
            response = Response(serial, command_id, created, arrived, delivered, body["WasAccepted"])
            self._responses[serial, command_id].append(response)

    def _all_responses(self) -> Iterator[Response]:
        for responses in self._responses.values():
            yield from responses


def _are_close(sent: Sent, other: Sent) -> bool:
    """Whether an answer of the one might be that of the other, another command."""
    apart = abs(sent.published_at - other.published_at)
    return sent.ref != other.ref and sent[1:3] == other[1:3] and apart <= LATEST_NS - EARLIEST_NS


def _ref_of(taken: Entry) -> str:
    """The ref of a command that came: a hash of whose it is, which, and its name."""
    serial, _, command_id = taken["to"].split(".")
    digest = hashlib.sha256()
    for part in (serial, command_id, taken["key"]):
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()[:32]


def _amperes(arguments: Sequence[Mapping[str, Any]]) -> int | None:
    return int(arguments[0]["Value"]) if arguments else None


def _compare(
    known: Known, truth: Truth, key: RowKey, fields: Fields, decided: Mapping[tuple[str, float], int]
) -> Iterator[Fault]:
    sent = known.sent
    place = sent.published_at + zlib.crc32(sent.ref.encode()) % RESOLUTION_NS
    wrong: list[str] = []
    if key[3] != place:
        wrong.append(f"stands at {key[3]}, not {place}")
    if not known.asked_at - SLACK_NS <= sent.published_at <= known.told_at + SLACK_NS:
        wrong.append(f"published at {sent.published_at}, asked {known.asked_at}, told {known.told_at}")
    if fields.get("state") != truth.state:
        wrong.append(f"state {fields.get('state')}, not {truth.state}")
    wrong += [
        f"{name} {fields.get(name)}, not {value}" for name, value in truth.fields.items() if fields.get(name) != value
    ]
    expected = {each: at if each[0] not in SILENCES else sent.deadline for each, at in truth.outcomes.items()}
    if expected.keys() != decided.keys():
        wrong.append(f"decisions {sorted(decided)}, not {sorted(expected)}")
    elif any(not 0 <= decided[each] - at < RESOLUTION_NS for each, at in expected.items()):
        wrong.append(f"decisions at {dict(decided)}, not {expected}")
    if wrong:
        yield Fault("command", f"{sent}: {'; '.join(wrong)}")


def _compare_owner(
    response: Response, owners: Mapping[tuple[str, int, int], str], exempt: set[str], rows: Rows
) -> Iterator[Fault]:
    """Whose a response is, once everything is known."""
    owner = owners.get((response.serial, response.command_id, response.created_at))
    if owner in exempt:
        return
    name = NAMES.get(response.command_id, "PollSingle")
    fields = rows.get(("command_response", response.serial, (("command", name),), response.created_at))
    if fields is None:
        return
    paired = (fields.get("paired"), fields.get("ref", ""))
    expected = (0.0, "") if owner is None else (1.0, owner)
    if paired != expected:
        yield Fault("command", f"{response} is of {paired}, not {expected}")
