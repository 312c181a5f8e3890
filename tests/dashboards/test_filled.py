"""Queries are filled in as Grafana does."""

import pytest

from tests.dashboards.boards import Query
from tests.dashboards.filled import ALL, Range, fill_in, interval_of, one_of

S = 10**9
DAY = Range(1_700_000_000 * S, 1_700_086_400 * S)


def test_everything_is_filled_in() -> None:
    query = Query(
        "sample",
        "panel",
        'SELECT sum("x") * 1000 / $__interval_ms FROM "y" WHERE "site" =~ /^$site$/ AND $timeFilter'
        " GROUP BY time($__interval)",
    )
    assert fill_in(query, DAY, {"site": ALL}) == (
        'SELECT sum("x") * 1000 / 120000 FROM "y" WHERE "site" =~ /^.*$/ AND'
        " time >= 1700000000000ms and time <= 1700086400000ms GROUP BY time(120s)"
    )


def test_what_is_not_filled_in_is_seen() -> None:
    with pytest.raises(ValueError, match="sample: nothing stands for \\$site"):
        fill_in(Query("sample", "panel", '"site" =~ /^$site$/'), DAY, {})


@pytest.mark.parametrize(("seconds", "smallest", "interval"), [(3_600, "", 5), (3_600, "5m", 300), (86_400, "1m", 120)])
def test_an_interval_is_round_and_not_below_the_panels(seconds: int, smallest: str, interval: int) -> None:
    assert interval_of(Range(0, seconds * S), smallest) == interval


def test_several_values_are_a_choice() -> None:
    assert one_of("EH1", "Nord.1") == r"(EH1|Nord\.1)"
