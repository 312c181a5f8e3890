"""What becomes of commands, each worked out by hand."""

import pytest

from tests.torture.command_truth import Response, Sent, Shown, pairs, truth_of
from tests.torture.folder import TIMEOUT_S
from tests.torture.messages import MS, S

AT = 1_795_890_734 * S + 250 * MS


def sent(after_s: float = 0.0, ref: str = "a", expires_s: float | None = None) -> Sent:
    at = AT + int(after_s * S)
    return Sent(ref, "EH1", 48, at, None if expires_s is None else at + int(expires_s * S), 16)


def response(created_s: float = 0.1, arrived_s: float = 0.5, *, is_accepted: bool = True) -> Response:
    created = AT + int(created_s * S)
    return Response("EH1", 48, created, AT + int(arrived_s * S), created + 119 * MS, is_accepted)


def shown(stamped_s: float = 1.0, value: float = 16.0) -> Shown:
    stamped = AT // S * S + int(stamped_s) * S
    return Shown("EH1", 48, stamped, AT + int(stamped_s * S), value)


@pytest.mark.parametrize(
    ("answer", "expires_s", "state", "ones", "outcomes"),
    [
        (response(), None, "accepted", {"answered", "ok"}, {("accepted", 0.0)}),
        (response(is_accepted=False), None, "rejected", {"answered", "failed"}, {("rejected", 0.0)}),
        (None, None, "timed_out", {"failed", "timed_out"}, {("timed_out", 0.0)}),
        (None, 4.0, "expired", {"failed", "expired"}, {("expired", 0.0)}),
        (
            response(arrived_s=TIMEOUT_S + 1),
            None,
            "accepted",
            {"answered", "ok", "late", "timed_out"},
            {("accepted", 1.0), ("timed_out", 0.0)},
        ),
        (
            response(arrived_s=5, is_accepted=False),
            4.0,
            "rejected",
            {"answered", "failed", "late", "expired"},
            {("rejected", 1.0), ("expired", 0.0)},
        ),
    ],
)
def test_ends(
    answer: Response | None, expires_s: float | None, state: str, ones: set[str], outcomes: set[tuple[str, float]]
) -> None:
    truth = truth_of(sent(expires_s=expires_s), answer, None, [])
    flags = {name for name, value in truth.fields.items() if value == 1.0 and not name.endswith("_ms")}
    assert (truth.state, flags - {"accepted"}, set(truth.outcomes)) == (state, ones, outcomes)


@pytest.mark.parametrize(
    ("seen", "newer_s", "is_confirmed"),
    [
        ([shown()], None, 1.0),
        ([shown(value=10.0)], None, 0.0),
        ([shown(stamped_s=-4.0)], None, 0.0),
        ([shown(stamped_s=-1.0)], None, 1.0),
        ([shown(stamped_s=5.0)], 3.0, 0.0),
        ([shown(stamped_s=301.0)], None, 0.0),
    ],
)
def test_effects(seen: list[Shown], newer_s: float | None, is_confirmed: float) -> None:
    newer = None if newer_s is None else sent(newer_s, "b")
    truth = truth_of(sent(), response(), newer, seen)
    assert (truth.fields["confirmed"], truth.fields["superseded"]) == (is_confirmed, float(newer is not None))


def test_the_first_of_two_is_lost_and_the_second_answered() -> None:
    first, second, answer = sent(0.0, "a"), sent(3.0, "b"), response(3.1, 3.5)
    assert pairs([first, second], [answer]) == {"b": answer}


def test_two_in_a_row_keep_their_order() -> None:
    first, second = sent(0.0, "a"), sent(0.5, "b")
    answers = [response(0.6, 1.0), response(0.7, 1.1)]
    assert pairs([second, first], answers) == {"a": answers[0], "b": answers[1]}


def test_one_that_came_in_time_is_preferred() -> None:
    answers = [response(0.1, TIMEOUT_S + 1), response(0.4, 0.9)]
    assert pairs([sent()], answers) == {"a": answers[1]}


def test_nobodys_answer_is_nobodys() -> None:
    assert pairs([sent()], [response(5.1, 6.0), response(-2.1, 0.0)]) == {}
