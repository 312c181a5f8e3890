"""`chargeline send` as a user runs it, against a real server whose desk keeps commands in memory."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import send
from pipeline.cli.send import command
from pipeline.core.command_entry import SentCommand
from pipeline.wires.command_publisher import PublishEnd
from pipeline.wires.source import SourceState
from tests.pipeline.cli.served_desk import served
from tests.pipeline.wires.memory_desk import TIMEOUT_NS, MemoryDesk, S

ASKED = ("EH123456", "SetDynamicChargerCurrent", "13", "--ttl", "5", "--expires-in", "60s")
OPERATOR = {"CHARGELINE_OPERATOR": "ExampleOperator"}
NOBODY = {"CHARGELINE_HTTP": "127.0.0.1:1", "CHARGELINE_HTTP_TOKEN": "the-token"}


@dataclass
class ScriptedDesk(MemoryDesk):
    """Something happens to a command each time somebody asks for it."""

    script: list[Callable[[str], None]] = field(default_factory=list)

    async def find(self, ref: str) -> SentCommand | None:
        if ref in self.lives and self.script:
            self.script.pop(0)(ref)
        return await super().find(ref)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "_PAUSE_S", 0)


def run(*arguments: str, environ: Mapping[str, str]) -> Result:
    return CliRunner().invoke(command, arguments, env=environ, catch_exceptions=False)


def send_to(desk: MemoryDesk, *arguments: str, token: str | None = "the-token") -> Result:
    with served(desk, token) as environ:
        return run(*arguments, environ=environ)


def steps(result: Result) -> list[str]:
    return [line.split("  ")[0] for line in result.stdout.splitlines()]


def test_a_dry_run_shows_the_documented_message_and_needs_no_worker() -> None:
    result = run(*ASKED[:5], "--dry-run", environ=NOBODY | OPERATOR)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "routing key        EH123456.C.48",
        "OriginApplication  ExampleOperator.Easee",
        "content type       text/plain",
        'body               {"Id": 48, "Arguments": [{"Id": 1, "Value": "13"}, {"Id": 2, "Value": "5"}]}',
    ]
    assert result.stderr == "Nothing was sent.\n"


def test_a_dry_run_as_json() -> None:
    result = run(*ASKED, "--dry-run", "--json", environ=OPERATOR)
    message = json.loads(result.stdout)

    assert message.keys() == {"routing_key", "headers", "content_type", "body"}
    assert message["headers"] == {"OriginApplication": "ExampleOperator.Easee"}
    assert json.loads(message["body"])["ExpiresAt"].endswith("Z")


def test_a_dry_run_needs_the_operators_name() -> None:
    result = run(*ASKED, "--dry-run", environ={})

    assert result.exit_code == 2
    assert "CHARGELINE_OPERATOR must be set" in result.stderr


def test_a_command_is_sent_through_the_worker() -> None:
    desk = MemoryDesk()
    result = send_to(desk, *ASKED)
    (life,) = desk.lives.values()

    assert result.exit_code == 0
    assert result.stdout == (
        "published    the broker has taken it; an answer is expected until 2023-05-04T16:56:23Z "
        f"(ref {life.command.ref})\n"
    )
    assert life.command.serial == "EH123456"
    assert [argument.value for argument in life.command.arguments] == ["13", "5"]
    assert life.command.expires_at == life.command.published_at + 60 * S


def test_it_waits_until_the_charger_shows_it() -> None:
    desk = ScriptedDesk()
    desk.script = [lambda _: None, desk.answer, lambda _: None, desk.take_effect]
    result = send_to(desk, *ASKED, "--wait")

    assert result.exit_code == 0
    assert steps(result) == ["published", "accepted", "confirmed"]
    assert "response 1,000 ms" in result.stdout
    assert "2,000 ms after it was created" in result.stdout


def test_a_rejection_is_a_failure() -> None:
    desk = ScriptedDesk()
    desk.script = [lambda ref: desk.answer(ref, accepted=False)]
    result = send_to(desk, *ASKED, "--wait")

    assert result.exit_code == 1
    assert steps(result) == ["published", "rejected"]
    assert "result code 7, busy" in result.stdout


@pytest.mark.parametrize(("expiry", "end"), [(["--expires-in", "30s"], "expired"), ([], "timed_out")])
def test_no_answer_is_a_failure(expiry: list[str], end: str) -> None:
    desk = ScriptedDesk()

    def time_passes(_: str) -> None:
        desk.watermark += TIMEOUT_NS + S

    desk.script = [time_passes]
    result = send_to(desk, *ASKED[:5], *expiry, "--wait")

    assert result.exit_code == 1
    assert steps(result) == ["published", end]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SourceState.CONNECTING, "The worker does not read its queue now (not connected: nobody listens there)"),
        (SourceState.STANDBY, "The worker does not read its queue now (standing by)"),
        (SourceState.CONSUMING, ""),
    ],
)
def test_that_the_worker_does_not_read_its_queue_is_said_once_and_the_wait_goes_on(
    monkeypatch: pytest.MonkeyPatch, state: SourceState, words: str
) -> None:
    monkeypatch.setattr(send, "_PAUSES_A_LOOK", 1)
    desk = ScriptedDesk(source_state=state)
    desk.script = [lambda _: None, lambda _: None, desk.answer, desk.take_effect]
    result = send_to(desk, *ASKED, "--wait")

    assert result.exit_code == 0
    assert steps(result) == ["published", "accepted", "confirmed"]
    assert result.stderr == (f"{words}, so no answer can be seen; still waiting.\n" if words else "")


def test_each_step_may_be_json() -> None:
    desk = ScriptedDesk()
    desk.script = [desk.answer, desk.take_effect]
    result = send_to(desk, *ASKED, "--wait", "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]

    assert [step["step"] for step in told] == ["published", "accepted", "confirmed"]
    assert told[-1]["command"]["effect_ms"] == 2000.0


def test_without_the_brokers_word_it_is_a_failure() -> None:
    result = send_to(MemoryDesk(end=PublishEnd.UNKNOWN), *ASKED)

    assert result.exit_code == 1
    assert steps(result) == ["unconfirmed"]


def test_without_the_brokers_word_an_answer_makes_it_good() -> None:
    desk = ScriptedDesk(end=PublishEnd.UNKNOWN)
    desk.script = [desk.answer, desk.take_effect]
    result = send_to(desk, *ASKED, "--wait")

    assert result.exit_code == 0
    assert steps(result) == ["unconfirmed", "accepted", "confirmed"]


@pytest.mark.parametrize(
    ("end", "words"), [(PublishEnd.UNROUTABLE, "no queue takes it"), (PublishEnd.UNREACHABLE, "nothing was sent")]
)
def test_what_was_not_published_is_a_failure(end: PublishEnd, words: str) -> None:
    result = send_to(MemoryDesk(end=end), *ASKED)

    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


def test_without_a_worker_it_says_what_to_do() -> None:
    result = run(*ASKED, environ=NOBODY)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: no worker answers at 127.0.0.1:1; start `chargeline run`, or see CHARGELINE_HTTP\n"
    )


def test_a_worker_that_stops_while_it_waits_has_sent_it() -> None:
    desk = ScriptedDesk()

    def fail(_: str) -> None:
        raise ZeroDivisionError

    desk.script = [fail]
    result = send_to(desk, *ASKED, "--wait")

    assert result.exit_code == 1
    assert steps(result) == ["published"]
    assert "the command was sent: see `chargeline commands`" in result.stderr


@pytest.mark.parametrize("token", ["another-token", None])
def test_a_worker_that_does_not_let_us(token: str | None) -> None:
    result = send_to(MemoryDesk(), *ASKED, token=token)

    assert result.exit_code == 1
    assert "CHARGELINE_HTTP_TOKEN" in result.stderr


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "CHARGELINE_HTTP_TOKEN must be set, to the same token as for the worker"),
        ({"CHARGELINE_HTTP": "off", "CHARGELINE_HTTP_TOKEN": "x"}, "CHARGELINE_HTTP is off"),
    ],
)
def test_settings_that_lead_to_no_worker(environ: Mapping[str, str], words: str) -> None:
    result = run(*ASKED, environ=environ)

    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("EH1", "nonsense"), "'nonsense' is no command"),
        (("EH1", "48", "81", "--ttl", "5"), "Current_Amp must be a whole number of ampere from 0 to 80"),
        (("EH1", "48", "13"), "TTL is missing"),
        (("EH.1", "1"), "the serial 'EH.1' must be"),
        (("EH1", "1", "--expires-in", "0s"), "'0s' must be a duration like 100ms, 60s"),
        (("EH1", "1", "--expires-in", "-5s"), "'-5s' must be a duration"),
        (("EH1", "1", "--expires-in", "soon"), "'soon' must be a duration"),
        (("EH1", "1", "--expires-in", "400d"), "within 366 days"),
        (("EH1",), "Missing argument 'COMMAND'"),
    ],
)
def test_wrong_usage_reaches_no_worker(arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, environ=NOBODY)

    assert result.exit_code == 2
    assert words in result.stderr


def test_nothing_on_the_line_steers_the_terminal() -> None:
    result = run("EH1", "\x1b[31m", environ=NOBODY)
    assert "\x1b" not in result.stderr
