"""The log of session energies: whatever is dropped, all that was noted is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.kept_facts import KeptKey
from pipeline.core.session_energies import SLOT_NS, Energy, SessionEnergies
from pipeline.core.session_log import CYCLE_NS, SessionLog

Kept = dict[KeptKey, bytes]


class Fleet:
    """Chargers that say their energy, and what is kept of it."""

    def __init__(self) -> None:
        self.log = SessionLog()
        self.said: dict[str, SessionEnergies] = {}
        self.kept: Kept = {}

    def say(self, serial: str, at: int, kwh: float) -> None:
        if self.said.setdefault(serial, SessionEnergies()).add(at, kwh):
            self.log.note(serial, at, kwh)

    def keep(self, watermark: int) -> None:
        for key, content in self.log.changes(watermark, lambda serial: self.said.get(serial, ())).items():
            if content is None:
                del self.kept[key]
            else:
                self.kept[key] = content

    def restored(self) -> dict[str, list[Energy]]:
        found: dict[str, SessionEnergies] = {}
        for serial, (at, kwh) in self.log.restore(self.kept.items()):
            found.setdefault(serial, SessionEnergies()).add(at, kwh)
        return {serial: list(energies) for serial, energies in found.items()}

    def remembered(self) -> dict[str, list[Energy]]:
        return {serial: list(energies) for serial, energies in self.said.items() if len(energies)}


def names(kept: Kept) -> list[str]:
    return sorted(f"{key.serial} {key.name}" for key in kept)


def test_a_batch_is_one_entry_and_later_each_charger_is() -> None:
    fleet = Fleet()
    fleet.say("EH1", 100, 1.5)
    fleet.say("EH2", 100, 2.5)
    fleet.keep(1_000)
    fleet.say("EH1", 101, 3.5)
    fleet.keep(1_001)
    assert names(fleet.kept) == [" session log 000000000000", " session log 000000000001"]
    fleet.keep(1_000 + CYCLE_NS)
    assert names(fleet.kept) == ["EH1 session energies", "EH2 session energies"]
    assert fleet.restored() == {"EH1": [Energy(101, 3.5)], "EH2": [Energy(100, 2.5)]}


def test_what_was_said_since_is_logged_as_long_as_it_is_needed() -> None:
    fleet = Fleet()
    fleet.say("EH1", 100, 1.0)
    fleet.keep(1_000)
    fleet.say("EH2", 200, 1.0)
    fleet.keep(2_000)
    fleet.keep(1_000 + CYCLE_NS)
    assert names(fleet.kept) == [" session log 000000000001", "EH1 session energies"]
    fleet.restored()
    fleet.keep(2_000 + CYCLE_NS)
    assert names(fleet.kept) == ["EH1 session energies", "EH2 session energies"]


def test_of_one_who_has_forgotten_all_nothing_is_kept() -> None:
    fleet = Fleet()
    fleet.say("EH1", 100, 1.0)
    fleet.keep(1_000)
    fleet.keep(1_000 + CYCLE_NS)
    fleet.said["EH1"].thin(5_000 * SLOT_NS, 5_000 * SLOT_NS)
    fleet.log.thinned("EH1")
    fleet.keep(2_000 + CYCLE_NS)
    assert names(fleet.kept) == ["EH1 session energies"]
    fleet.keep(2_000 + 2 * CYCLE_NS)
    assert fleet.kept == {}


_rounds = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 40), st.sampled_from([0.0, 1.0, 2.0]))),
        st.sampled_from([0, 1, CYCLE_NS // 2, CYCLE_NS]),
        st.booleans(),
    )
)


@given(_rounds)
def test_all_that_was_said_is_found_again_at_any_moment(
    rounds: list[tuple[list[tuple[str, int, float]], int, bool]],
) -> None:
    fleet, watermark = Fleet(), 0
    for said, passed, is_restarted in rounds:
        for serial, slot, kwh in said:
            fleet.say(serial, slot * SLOT_NS, kwh)
        watermark += passed
        fleet.keep(watermark)
        other = Fleet()
        other.kept = fleet.kept
        assert other.restored() == fleet.remembered()
        if is_restarted:
            fleet.restored()
    for _ in range(2):
        watermark += CYCLE_NS
        fleet.keep(watermark)
    assert names(fleet.kept) == [f"{serial} session energies" for serial in sorted(fleet.remembered())]


def test_an_entry_of_another_version_is_refused() -> None:
    fleet = Fleet()
    fleet.say("EH1", 100, 1.0)
    fleet.keep(1_000)
    (key,) = fleet.kept
    with pytest.raises(ValueError, match="version 2 are kept, and this program knows version 1"):
        SessionLog().restore([(key, b"\x02" + fleet.kept[key][1:])])
