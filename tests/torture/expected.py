"""What a run must leave behind of facts and rejects: the oracle's reading of every message in the journal.

Owns the count of what is missing, extra and different. Pure. Imports nothing of the program under test.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from tests.oracle.reading import Fields, Oracle, RejectedError, RowKey
from tests.torture.folder import Message
from tests.torture.messages import CONFLICT_ID, OLD
from tests.torture.stored import UNKNOWN_LENGTH, StoredReject

DERIVED = frozenset(
    {"command", "command_outcome", "alert", "session", "charger_snapshot", "charger_hour", "charger_clock", "pipeline"}
)
"""Measurements that are worked out from facts, or are about the worker."""
DECIDED_LATER = frozenset({"paired", "ref"})
"""Fields of `command_response` that are no facts."""
CONFLICT = ("charger_other", f"o{CONFLICT_ID}")


class Fault(NamedTuple):
    """One thing that is not as it must be. `kind`: lost, extra, wrong, command."""

    kind: str
    words: str


class Expected:
    """Filled message by message, then compared with what is stored."""

    def __init__(self, *, is_scaled_out: bool = False) -> None:
        """`is_scaled_out`: of the roles.

        Then a reject's body was redacted, and only its length is known; what the store refused is a typed message, and
        not even that is. Bridges that share the queue say in no certain order what they had at the same moment: where
        only the last value of a second stays, it may be any of them.
        """
        self._is_scaled_out = is_scaled_out
        self._oracle = Oracle()
        self.rows: dict[RowKey, Fields] = {}
        self.rejects: Counter[StoredReject] = Counter()
        self.messages = 0
        self.serials: set[str] = set()
        self._unsure: dict[tuple[RowKey, str], list[float | str]] = {}
        self._optional: set[RowKey] = set()
        self._optional_rejects: set[StoredReject] = set()

    def add(self, message: Message, *, is_confirmed: bool) -> None:
        """One message, in the order of the queue. One that was never confirmed may be there, and need not."""
        self.messages += is_confirmed
        try:
            read = self._oracle.read(message.routing_key, message.headers, message.body)
        except RejectedError as rejected:
            self._reject(message, str(rejected), is_confirmed=is_confirmed)
            return
        assert read is not None, "no command goes to the operator's queue"
        key, fields = read
        self.serials.add(key[1])
        if CONFLICT[0] == key[0] and CONFLICT[1] in fields:
            self._reject(message, "store", is_confirmed=is_confirmed)
            return
        kept = self.rows.setdefault(key, {})
        if not is_confirmed:
            self._optional.add(key)
        if not is_confirmed or self._is_scaled_out:
            for name in fields:
                self._unsure.setdefault((key, name), []).append(fields[name])
                if name in kept:
                    self._unsure[key, name].append(kept[name])
        kept.update(fields)

    def faults_of_rows(self, stored: Iterable[tuple[RowKey, Fields]]) -> Iterator[Fault]:
        """Lost, extra and wrong rows. Derived measurements are not looked at, but whose they are."""
        found: set[RowKey] = set()
        for key, all_fields in stored:
            measurement, charger = key[:2]
            if measurement in DERIVED:
                if charger != "-" and charger not in self.serials:
                    yield Fault("extra", f"{key}: no such charger")
                continue
            found.add(key)
            if charger == OLD:
                continue
            later = DECIDED_LATER if measurement == "command_response" else frozenset[str]()
            fields = {name: value for name, value in all_fields.items() if name not in later}
            expected = self.rows.get(key)
            if expected is None:
                yield Fault("extra", f"row {key}: {_short(fields)}")
            elif expected != fields and not self._may_be(key, expected, fields):
                yield Fault("wrong", f"row {key}: expected {_short(expected)}, is {_short(fields)}")
        for key in self.rows.keys() - found - self._optional:
            yield Fault("lost", f"row {key}: {_short(self.rows[key])}")

    def faults_of_rejects(self, stored: Collection[StoredReject]) -> Iterator[Fault]:
        """Lost and extra rejects. The same message twice is one reject."""
        kept = set(stored)
        for reject in self.rejects.keys() - kept - self._optional_rejects:
            yield Fault("lost", f"reject {reject}")
        for reject in kept - self.rejects.keys():
            yield Fault("extra", f"reject {reject}")

    def _reject(self, message: Message, reason: str, *, is_confirmed: bool) -> None:
        digest = "" if self._is_scaled_out else hashlib.sha256(message.body).hexdigest()
        length = UNKNOWN_LENGTH if self._is_scaled_out and reason == "store" else len(message.body)
        reject = StoredReject(reason, message.routing_key, message.arrival, length, digest)
        self.rejects[reject] += 1
        if not is_confirmed:
            self._optional_rejects.add(reject)

    def _may_be(self, key: RowKey, expected: Fields, fields: Fields) -> bool:
        """Whether a message that was never confirmed, or the uncertain order of the roles, explains the difference."""
        is_optional = key in self._optional
        return all(
            expected.get(name) == fields.get(name)
            or (fields[name] in self._unsure.get((key, name), ()) if name in fields else is_optional)
            for name in expected.keys() | fields.keys()
        )


def _short(fields: Fields) -> str:
    text = str(fields)
    return text if len(text) < 200 else f"{text[:200]}…"
