"""The log: what goes in comes out, small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.history_log import RUN, Logged, LogHead, log_from_bytes, log_to_bytes

_moments = st.integers(-(2**62), 2**62)
_logged = st.builds(
    Logged,
    st.sampled_from(["EH1", "EH2", "EC-3_x"]),
    st.sampled_from([0, 7, RUN]),
    _moments,
    _moments,
    st.floats(allow_nan=False),
)
_heads = st.builds(
    LogHead, st.none() | st.integers(0, 2**62), st.none() | st.integers(0, 2**62), st.integers(0, 2**62), st.booleans()
)


@given(_heads, st.lists(_logged, max_size=9))
def test_what_goes_in_comes_out(head: LogHead, logged: list[Logged]) -> None:
    assert log_from_bytes(log_to_bytes(head, logged)) == (head, logged)


def test_a_value_is_a_few_bytes() -> None:
    logged = [Logged(f"EH{number % 500:06d}", 1, 1_750_000_000 * 10**9, 10**9, 7.36) for number in range(1_000)]
    assert len(log_to_bytes(LogHead(None, None, 0, True), logged)) < 35 * len(logged)


def test_another_version_is_refused() -> None:
    content = log_to_bytes(LogHead(None, None, 0, True), [])
    with pytest.raises(ValueError, match="version 9"):
        log_from_bytes(b"\x09" + content[1:])
