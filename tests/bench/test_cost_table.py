"""The table of `run_cost`: its arithmetic and its layout."""

from tests.bench.cost_table import HEADING, MIB, Life, table


def life(cpu_s: float, *, idle_cpu_s: float = 0.5, wall_s: float = 2.0, peak: int = 50 * MIB) -> Life:
    return Life(10_000, idle_cpu_s, cpu_s, wall_s, peak, broker_cpu_s=0.2, influxdb_cpu_s=0.1)


def test_what_a_life_with_an_empty_queue_takes_is_taken_off() -> None:
    assert life(1.5, idle_cpu_s=0.5).cpu_us == 100.0


def test_the_rate_is_of_the_wall_clock() -> None:
    assert life(1.5, wall_s=2.0).rate == 5_000.0


def test_medians_with_their_extremes_and_ratios_to_the_usual_one_and_to_the_limit() -> None:
    lives = {
        "raw": [life(0.6, wall_s=0.5)],
        "usual": [life(1.5), life(1.7), life(1.4)],
        "ours": [life(0.9, wall_s=1.0), life(0.8, wall_s=0.5), life(1.5, wall_s=1.0, peak=80 * MIB)],
    }
    heading, raw, usual, ours = table(lives, "usual", "raw").splitlines()
    assert heading == HEADING
    assert " ".join(raw.split()) == "raw 20,000 (20,000-20,000) 1.00 4.00 10.0 (10.0-10.0) 10.00 20.0 10.0 50"
    assert " ".join(usual.split()) == "usual 5,000 (5,000-5,000) 0.25 1.00 100.0 (90.0-120.0) 1.00 20.0 10.0 50"
    assert " ".join(ours.split()) == "ours 10,000 (10,000-20,000) 0.50 2.00 40.0 (30.0-100.0) 2.50 20.0 10.0 50"
    assert len(heading) == len(usual) == len(ours)


def test_without_the_others_there_is_nothing_to_compare_with() -> None:
    _, ours = table({"ours": [life(1.5)]}, "usual", "raw").splitlines()
    assert " ".join(ours.split()) == "ours 5,000 (5,000-5,000) - - 100.0 (100.0-100.0) - 20.0 10.0 50"
