"""Runs of devices that are heard: a function of the moments, and of what was kept of them."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.online_runs import OnlineRuns, Run

AFTER = 20


def heard(*moments: int) -> OnlineRuns:
    runs = OnlineRuns(AFTER)
    for moment in moments:
        runs.hear(["a"], [moment], 0)
    return runs


def test_a_device_is_online_for_a_while_after_each_moment() -> None:
    runs = heard(100, 110, 200)
    assert runs.runs("a") == (Run(100, 110), Run(200, 200))
    assert [runs.is_online("a", at) for at in (99, 100, 130, 131, 199, 220, 221)] == [
        False,
        True,
        True,
        False,
        False,
        True,
        False,
    ]
    assert runs.online_between("a", 120, 210) == [(120, 130), (200, 210)]
    assert runs.online_between("b", 0, 999) == []
    assert not runs.is_online("b", 0)


def test_a_late_moment_fills_a_silence() -> None:
    runs = heard(100, 150)
    assert runs.hear(["a"], [125], 0) == [("a", Run(125, 125))]
    assert runs.runs("a") == (Run(100, 100), Run(125, 125), Run(150, 150))
    assert runs.hear(["a", "a"], [140, 110], 0) == [("a", Run(110, 110)), ("a", Run(140, 140))]
    assert runs.runs("a") == (Run(100, 150),)


def test_going_on_is_usual_but_for_what_may_have_been_told() -> None:
    runs = heard(100)
    assert runs.hear(["a", "a"], [110, 105], 0) == []
    assert runs.hear(["a"], [115], 115) == [("a", Run(115, 115))]


def test_what_was_told_makes_nothing_unusual_that_comes_after_it() -> None:
    runs = heard(100)
    assert runs.hear(["a", "a", "a"], [118, 125, 110], 112) == [("a", Run(110, 110))]
    assert runs.hear(["a"] * 4, [140, 155, 170, 185], 112) == []
    assert runs.runs("a") == (Run(100, 185),)


def test_who_may_be_online_is_found_without_looking_at_everything() -> None:
    runs = heard(100, 200)
    runs.hear(["b"], [300], 0)
    assert runs.maybe_online_between(190, 210) == ["a"]
    assert runs.maybe_online_between(290, 310) == ["b"]
    assert runs.maybe_online_between(90, 110) == ["a"]


def test_old_runs_are_forgotten_but_for_the_latest() -> None:
    runs = heard(100, 200, 300)
    runs.forget("a", 221)
    assert runs.runs("a") == (Run(300, 300),)
    runs.forget("a", 999)
    assert (runs.runs("a"), len(runs), list(runs)) == ((Run(300, 300),), 1, ["a"])
    runs.drop("a")
    assert (runs.runs("a"), runs.last("a")) == ((), None)


_heard = st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 300)), min_size=1, max_size=15)


@given(_heard, st.integers(1, 6), st.integers(0, 300), st.data())
def test_runs_are_of_the_set_also_when_only_what_was_unusual_is_kept(
    heard: list[tuple[str, int]], size: int, said: int, data: st.DataObject
) -> None:
    runs, restored = OnlineRuns(AFTER), OnlineRuns(AFTER)
    kept: list[tuple[str, Run]] = []
    for place in range(0, len(heard), size):
        serials, arrivals = zip(*heard[place : place + size], strict=True)
        for serial, new in runs.hear(serials, list(arrivals), said):
            kept += [(serial, run) for run in runs.run_around(serial, new.last)]
    for serial, run in data.draw(st.permutations(kept)):
        restored.join(serial, run)
    for serial in {serial for serial, _ in heard}:
        moments = [moment for each, moment in heard if each == serial]
        restored.go_on(serial, max(moments))
        assert restored.runs(serial) == runs.runs(serial)
        online = [any(each <= at <= each + AFTER for each in moments) for at in range(340)]
        assert [runs.is_online(serial, at) for at in range(340)] == online
