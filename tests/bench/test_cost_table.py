"""The table of `run_cost`: its arithmetic and its layout."""

from tests.bench.cost_table import HEADING, MIB, Life, table


def life(cpu_s: float, *, idle_cpu_s: float = 0.5, wall_s: float = 2.0, peak: int = 50 * MIB) -> Life:
    return Life(10_000, idle_cpu_s, cpu_s, wall_s, peak)


def test_what_a_life_with_an_empty_queue_takes_is_taken_off() -> None:
    assert life(1.5, idle_cpu_s=0.5).cpu_us == 100.0


def test_the_rate_is_of_the_wall_clock() -> None:
    assert life(1.5, wall_s=2.0).rate == 5_000.0


def test_medians_with_their_extremes_and_ratios_to_the_first() -> None:
    lives = {
        "usual": [life(1.5), life(1.7), life(1.4)],
        "ours": [life(0.9, wall_s=1.0), life(0.8, wall_s=0.5), life(1.5, wall_s=1.0, peak=80 * MIB)],
    }
    heading, usual, ours = table(lives).splitlines()
    assert heading == HEADING
    assert " ".join(usual.split()) == "usual 100.0 (90.0 to 120.0) 1.00 5,000 (5,000 to 5,000) 50"
    assert " ".join(ours.split()) == "ours 40.0 (30.0 to 100.0) 0.40 10,000 (10,000 to 20,000) 50"
    assert len(heading) == len(usual) == len(ours)
