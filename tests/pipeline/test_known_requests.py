"""Known requests: found by both their names, until their command is forgotten."""

from pipeline.core.command_entry import SentCommand
from pipeline.core.command_life import Life
from pipeline.known_requests import KnownRequests
from pipeline.wires.progress_tables import Request
from schemas.command import CommandSent

OLD = Request("m1", "EH1", 48, 10, "r1", "r1", "f")
NEW = Request("m2", "EH1", 48, 20, "r2", "r2", "f")
FOUND = SentCommand(Life(CommandSent("EH1", 48, (), None, 10, "r1", None), 60), 0)


def test_a_request_is_found_by_the_name_of_the_request_and_of_the_command() -> None:
    known = KnownRequests([OLD])
    known.add(NEW)
    assert ("m1" in known, "m2" in known, "r2" in known) == (True, True, False)
    assert (known.get("m2"), known.of_ref("r2"), known.of_ref("m2")) == (NEW, NEW, None)
    assert list(known.newest_first()) == [NEW, OLD]


def test_a_request_is_forgotten_once_it_is_old_and_so_is_its_command() -> None:
    known = KnownRequests([OLD, NEW])
    assert known.forgettable(20, lambda _: FOUND) == []
    assert known.forgettable(10, lambda _: None) == []
    gone = known.forgettable(20, lambda _: None)
    assert gone == [OLD]
    known.forget(gone)
    assert (known.get("m1"), known.of_ref("r1"), list(known.newest_first())) == (None, None, [NEW])
