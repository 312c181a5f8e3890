"""Seconds in each mode: together they are the span, and silence is Offline."""

from pipeline.core.mode_seconds import MODE_FIELDS, mode_seconds, silent_pieces

S = 10**9


def spent(before: float | None, changes: list[tuple[int, float]], silent: list[tuple[int, int]]) -> dict[str, float]:
    found = mode_seconds(
        before,
        [(at * S, mode) for at, mode in changes],
        [(begun * S, ended * S) for begun, ended in silent],
        (0, 3_600 * S),
    )
    assert sum(seconds for _, seconds in found) == 3_600
    return {field: seconds for field, seconds in found if seconds}


def test_the_fields_are_those_of_the_design() -> None:
    assert list(MODE_FIELDS.values()) == [
        "offline_s",
        "disconnected_s",
        "awaiting_start_s",
        "charging_s",
        "completed_s",
        "error_s",
        "ready_to_charge_s",
        "awaiting_authentication_s",
        "de_authenticating_s",
    ]


def test_a_mode_holds_until_the_next() -> None:
    assert spent(1, [(600, 3), (2_400, 4)], []) == {"disconnected_s": 600, "charging_s": 1_800, "completed_s": 1_200}


def test_what_nobody_said_and_what_has_no_name_is_unknown() -> None:
    assert spent(None, [(600, 3), (1_600, 99)], []) == {"unknown_mode_s": 2_600, "charging_s": 1_000}


def test_silence_is_offline() -> None:
    assert spent(3, [(3_000, 1)], [(1_000, 2_000)]) == {"charging_s": 2_000, "disconnected_s": 600, "offline_s": 1_000}


def test_what_is_left_without_pieces() -> None:
    assert silent_pieces([], 0, 9) == [(0, 9)]
    assert silent_pieces([(0, 3), (5, 9)], 0, 9) == [(3, 5)]
    assert silent_pieces([(2, 3)], 0, 9) == [(0, 2), (3, 9)]
