"""Decision intents: which decisions about commands are about to be written, and which may have been.

Owns the entries that are kept before the rows of a round are written, so that whoever goes on after a crash takes back
what does not hold. Pure. Must not know what a decision means, or how entries are kept.

An intent is kept before the rows, and dropped with all that is kept of the round when these are durable. One that is
found by the next life says that nobody knows how much of it was written: it is said again.
"""

from collections.abc import Iterable, Mapping

from pipeline.core.command_thread import Sending
from pipeline.core.kept_facts import Intended, KeptKey, key_of, to_bytes
from schemas.command import CommandSent


class DecisionIntents:
    """Those of one tracker."""

    __slots__ = ("_entries", "_new", "_unsure")

    def __init__(self) -> None:
        """Nothing is about to be written."""
        self._new: dict[str, Sending] = {}
        self._entries: dict[KeptKey, bytes] = {}
        self._unsure: set[str] = set()

    def note(self, sending: Sending) -> None:
        """The next rows say a decision about this one, and nobody knows that it was said before."""
        self._new[sending.command.ref] = sending

    def entries(self) -> Mapping[KeptKey, bytes]:
        """What must be kept before these rows are written, and dropped once they are durable."""
        for sending in self._new.values():
            intended = Intended(sending)
            self._entries[key_of(sending.command.serial, intended)] = to_bytes(intended)
        self._new.clear()
        return self._entries

    def is_unsure(self, ref: str) -> bool:
        """Whether a time-out may or may not have been said by a life before, and is not said yet by this one."""
        return ref in self._unsure

    def said(self) -> None:
        """What was unsure is among the next rows."""
        self._unsure.clear()

    def kept(self) -> None:
        """The rows are durable, and the entries dropped."""
        self._new.clear()
        self._entries = {}

    def drop(self, command: CommandSent) -> None:
        """This command was never sent."""
        self._new.pop(command.ref, None)

    def restore(self, found: Iterable[Sending], unsure: Iterable[str]) -> None:
        """These intents were kept and not dropped, and no others; of which commands a time-out may not have been said.

        `unsure` are refs.
        """
        self.kept()
        for sending in found:
            self.note(sending)
        self._unsure = set(unsure)
