"""Threads of commands: a function of the set of facts, and clusters that hold all a fact can touch."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.command_thread import Cluster, CommandThread, Sending
from pipeline.core.pairing import pair
from schemas.command import CommandResponse, CommandSent

S = 10**9


def sending(seconds: float, ref: str = "a", *, is_confirmed: bool = True, attempt: int = 0) -> Sending:
    return Sending(CommandSent("EH1", 48, (), None, int(seconds * S), ref, None), attempt, is_confirmed)


def response(seconds: float, accepted: bool = True, received_at: int | None = None) -> CommandResponse:
    return CommandResponse("EH1", 48, accepted, None, int(seconds * S), None, received_at, None, None, received_at)


def thread_of(facts: Sequence[Sending | CommandResponse]) -> CommandThread:
    thread = CommandThread()
    for fact in facts:
        if isinstance(fact, Sending):
            thread.add_sending(fact)
        else:
            thread.add_response(fact)
    return thread


HALF_SECONDS = st.integers(0, 120).map(lambda half: half / 2)
FACTS = st.lists(
    st.one_of(
        st.builds(sending, HALF_SECONDS, st.sampled_from("ab"), is_confirmed=st.booleans(), attempt=st.integers(0, 1)),
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
    assert CommandThread().cluster(7) == Cluster((), (), ())
    assert thread_of([sending(100)]).cluster(7) == Cluster((), (), ())


def test_a_confirmed_copy_confirms_and_the_earliest_receipt_counts() -> None:
    thread = thread_of(
        [sending(1, is_confirmed=False), response(1, received_at=5), sending(1), response(1, received_at=3)]
    )
    assert thread.cluster(S) == Cluster((sending(1),), (response(1, received_at=3),), ((0, 0),))


def test_two_responses_of_one_moment_that_differ_are_two() -> None:
    assert len(thread_of([response(1), response(1, accepted=False)])) == 2


def test_what_is_old_is_forgotten_but_never_half_a_cluster() -> None:
    thread = thread_of([sending(1), sending(100), response(104), sending(200)])
    thread.forget(102 * S)
    assert [each.command.published_at for each in thread.sendings()] == [100 * S, 200 * S]
    assert len(thread) == 3
    thread.forget(300 * S)
    assert len(thread) == 0
