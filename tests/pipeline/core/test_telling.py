"""What is said of a cluster: all its rows, what was decided anew, and what is due later."""

from pipeline.core.charger_memory import ChargerMemory, Firmware
from pipeline.core.command_life import Decided, Life
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Sending
from pipeline.core.pairing import LATEST_NS
from pipeline.core.telling import Teller, Told
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent, Outcome
from schemas.measurement import COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE

S = 10**9
START = 1_700_000_000 * S
TIMEOUT = 60 * S
KEPT = 6 * 3_600 * S
TELLER = Teller(shipped_catalogue(), Lives(shipped_catalogue(), TIMEOUT, KEPT), KEPT)
DEADLINE = START + TIMEOUT
COMMAND_SENT = CommandSent("EH1", 48, (Argument(1, "13"),), None, START, "a", None)
TIMED_OUT = Decided(Outcome.TIMED_OUT, DEADLINE, "-")


def response(after: int) -> CommandResponse:
    return CommandResponse("EH1", 48, True, None, START, None, START + after * S, None, None, None)


def memory_of(*decided: Decided, response: CommandResponse | None = None, is_sent: bool = True) -> ChargerMemory:
    memory = ChargerMemory(60 * 10**9)
    if is_sent:
        memory.thread(48).add_sending(Sending(COMMAND_SENT, 0, True, decided))
    if response is not None:
        memory.thread(48).add_response(response)
    return memory


def told_of(memory: ChargerMemory, watermark: int) -> Told:
    return TELLER.tell(memory, 48, memory.thread(48).cluster(START), watermark)


def measurements(told: Told) -> list[str]:
    return [row.measurement for row in told.rows]


def test_an_open_command() -> None:
    told = told_of(memory_of(), START)
    assert measurements(told) == [COMMAND]
    assert told[1:] == ([], [], [])


def test_a_command_at_its_deadline() -> None:
    memory = memory_of()
    memory.add_firmware(Firmware(1, "300"))
    told = told_of(memory, DEADLINE + 1)
    assert measurements(told) == [COMMAND, COMMAND_OUTCOME]
    assert told.noted == [Sending(COMMAND_SENT, 0, True, (TIMED_OUT._replace(firmware="300"),))]
    assert told.dues == [(DEADLINE + KEPT, START)]
    assert [(each.deadline, each.answered_at, each.given_up_at) for each in told.time_outs] == [(DEADLINE, None, None)]


def test_a_decision_is_noted_once_and_said_again() -> None:
    told = told_of(memory_of(TIMED_OUT), DEADLINE + 1)
    assert measurements(told) == [COMMAND, COMMAND_OUTCOME]
    assert (told.noted, told.dues) == ([], [])


def test_a_time_out_is_given_up_when_no_answer_counts_any_more() -> None:
    assert told_of(memory_of(TIMED_OUT), DEADLINE + KEPT).time_outs[0].given_up_at is None
    assert told_of(memory_of(TIMED_OUT), DEADLINE + KEPT + 1).time_outs[0].given_up_at == DEADLINE + KEPT
    late = told_of(memory_of(TIMED_OUT, response=response(70)), DEADLINE + KEPT + 1).time_outs[0]
    assert (late.answered_at, late.given_up_at) == (START + 70 * S, None)


def test_a_decision_that_no_longer_holds_is_taken_back() -> None:
    told = told_of(memory_of(TIMED_OUT, response=response(1)), DEADLINE + 1)
    assert measurements(told) == [COMMAND, COMMAND_OUTCOME, COMMAND_OUTCOME, COMMAND_RESPONSE]
    assert [dict(row.fields).get("refuted") for row in told.rows[1:3]] == [1.0, 0.0]
    assert [each.is_refuted for each in told.time_outs] == [True]


def test_a_response_of_nobody_waits_for_its_command() -> None:
    memory = memory_of(response=response(1), is_sent=False)
    assert told_of(memory, START + LATEST_NS) == ([], [], [], [(START + LATEST_NS, START)])
    told = told_of(memory, START + LATEST_NS + 1)
    assert [dict(row.fields)["paired"] for row in told.rows] == [0.0]
    assert told.dues == []


def test_the_time_out_of_a_life() -> None:
    time_out = TELLER.time_out(Life(COMMAND_SENT, TIMEOUT), DEADLINE, DEADLINE)
    assert (time_out.command, time_out.command_name) == (COMMAND_SENT, "SetDynamicChargerCurrent")
    assert not time_out.is_refuted
