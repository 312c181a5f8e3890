"""Threads of commands: a function of the set of facts, and clusters that hold all a fact can touch."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.command_life import Decided
from pipeline.core.command_thread import Cluster, CommandThread, Sending
from pipeline.core.pairing import pair
from schemas.command import CommandResponse, CommandSent, Outcome

S = 10**9


def sending(seconds: float, ref: str = "a", *, is_confirmed: bool = True, attempt: int = 0) -> Sending:
    return Sending(CommandSent("EH1", 48, (), None, int(seconds * S), ref, None), attempt, is_confirmed)


def response(seconds: float, accepted: bool = True, received_at: int | None = None) -> CommandResponse:
    return CommandResponse("EH1", 48, accepted, None, int(seconds * S), None, received_at, None, None, received_at)


def thread_of(facts: Sequence[Sending | CommandResponse]) -> CommandThread:
    thread = CommandThread(60 * 10**9)
    for fact in facts:
        if isinstance(fact, Sending):
            thread.add_sending(fact)
        else:
            thread.add_response(fact)
    return thread


def sent_as(seconds: float, ref: str, *, is_confirmed: bool, attempt: int) -> Sending:
    """A ref is known once."""
    return sending(seconds, f"{ref} of {seconds}", is_confirmed=is_confirmed, attempt=attempt)


HALF_SECONDS = st.integers(0, 120).map(lambda half: half / 2)
FACTS = st.lists(
    st.one_of(
        st.builds(sent_as, HALF_SECONDS, st.sampled_from("ab"), is_confirmed=st.booleans(), attempt=st.integers(0, 1)),
        st.builds(response, HALF_SECONDS, st.booleans(), st.one_of(st.none(), st.integers(0, 9))),
    ),
    max_size=20,
)


def content(thread: CommandThread) -> tuple[list[Sending], list[CommandResponse]]:
    return list(thread.sendings()), list(thread.responses())


@given(FACTS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(facts: list[Sending | CommandResponse], random: Random) -> None:
    again = [*facts, *facts[: len(facts) // 2]]
    random.shuffle(again)
    assert content(thread_of(facts)) == content(thread_of(again))


@given(FACTS)
def test_clusters_are_parts_that_make_up_the_whole(facts: list[Sending | CommandResponse]) -> None:
    thread = thread_of(facts)
    sendings, responses = content(thread)
    whole = pair([each.command.published_at for each in sendings], [each.created_at for each in responses])
    expected = {(sendings[here], responses[there]) for here, there in whole}
    moments = [each.command.published_at for each in sendings] + [each.created_at for each in responses]
    clusters = {thread.cluster(moment) for moment in moments}
    found = [
        (cluster.sendings[here], cluster.responses[there]) for cluster in clusters for here, there in cluster.pairs
    ]
    assert len(found) == len(expected)
    assert set(found) == expected
    assert sorted(each.command.published_at for cluster in clusters for each in cluster.sendings) == sorted(
        each.command.published_at for each in sendings
    )


def test_a_moment_without_facts_is_an_empty_cluster() -> None:
    assert CommandThread(60 * 10**9).cluster(7) == Cluster((), (), ())
    assert thread_of([sending(100)]).cluster(7) == Cluster((), (), ())


def test_a_confirmed_copy_confirms_and_the_earliest_receipt_counts() -> None:
    thread = thread_of(
        [sending(1, is_confirmed=False), response(1, received_at=5), sending(1), response(1, received_at=3)]
    )
    assert thread.cluster(S) == Cluster((sending(1),), (response(1, received_at=3),), ((0, 0),))


def test_two_responses_of_one_moment_that_differ_are_two() -> None:
    assert len(thread_of([response(1), response(1, accepted=False)])) == 2


def test_a_cluster_is_not_prolonged_by_sendings_that_nobody_answers() -> None:
    thread = thread_of([sending(second, f"{second}") for second in range(20)])
    assert [len(cluster.sendings) for cluster in thread.clusters(20 * S)] == [1] * 20


@given(FACTS, st.integers(0, 60))
def test_the_clusters_up_to_a_moment_are_dropped_one_by_one(facts: list[Sending | CommandResponse], end: int) -> None:
    thread = thread_of(facts)
    before = len(thread)
    clusters = list(thread.clusters(end * S))
    assert [cluster.first for cluster in clusters] == sorted({cluster.first for cluster in clusters})
    for cluster in clusters:
        assert cluster.first <= cluster.last
        assert cluster.is_matched == (len(cluster.sendings) == len(cluster.pairs) == len(cluster.responses))
        thread.drop(cluster)
    assert len(thread) == before - sum(len(cluster.sendings) + len(cluster.responses) for cluster in clusters)
    assert thread.first_moment is None or thread.first_moment >= end * S
    assert all(each.command.published_at >= end * S for each in thread.sendings())


def test_sendings_are_found_by_ref_and_by_moment() -> None:
    thread = thread_of([sending(1, "b"), sending(1, "a"), sending(9, "c")])
    assert thread.sending("b") == sending(1, "b")
    assert thread.sending("d") is None
    assert thread.sent_after(S, "a") == (S, "b")
    assert thread.sent_after(S, "b") == (9 * S, "c")
    assert thread.sent_after(9 * S, "c") is None
    assert thread.sent_before(9 * S, "c") == (S, "b")
    assert thread.sent_before(S, "a") is None
    assert thread.moments_sent(S, 2 * S) == [S, S]
    assert thread.moments_sent(S + 1, None) == [9 * S]
    assert thread.first_published == S
    assert CommandThread(60 * 10**9).first_published is None


def test_what_is_noted_of_a_sending_stays_when_a_copy_comes() -> None:
    thread = thread_of([sending(1)])
    noted = sending(1)._replace(decided=(Decided(Outcome.ACCEPTED, 7, "-"),), superseded_at=9)
    thread.note(noted)
    assert thread.add_sending(sending(1)) == noted


def test_a_sending_that_is_dropped_is_known_no_more() -> None:
    thread = thread_of([sending(1, "a"), sending(1, "b")])
    assert thread.drop_sending("a") == sending(1, "a")
    assert thread.drop_sending("a") is None
    assert list(thread.sendings()) == [sending(1, "b")]


def test_a_response_can_answer_what_was_sent_within_its_window() -> None:
    thread = thread_of([sending(10)])
    assert [second for second in range(30) if thread.can_answer(second * S)] == list(range(8, 16))
    assert not CommandThread(60 * 10**9).can_answer(0)


def test_responses_are_found_by_moment() -> None:
    thread = thread_of([response(1), response(2), response(3)])
    assert thread.responses_between(S, 3 * S) == [response(1), response(2)]
