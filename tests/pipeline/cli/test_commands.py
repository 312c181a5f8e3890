"""`chargeline commands` as a user runs it, against a real server whose desk keeps commands in memory."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import commands
from pipeline.cli.commands import command
from pipeline.core.command_entry import SentCommand
from pipeline.core.command_ref import command_ref
from pipeline.core.encode_command import check_command
from pipeline.wires.command_client import CommandView, NoWorkerError, WorkerError
from pipeline.wires.command_desk import CommandRequest
from schemas.catalogue import shipped_catalogue
from tests.pipeline.cli.served_desk import served
from tests.pipeline.wires.memory_desk import NOW, MemoryDesk

MESSAGE_IDS = ("0" * 32, "1" * 32)
REFS = [command_ref("EH123456", 48, message_id.encode()) for message_id in MESSAGE_IDS]


@dataclass
class WatchedDesk(MemoryDesk):
    """The first command is answered after the first look; the third look fails, which ends a watch."""

    looks: int = 0

    async def list(self, *, open_only: bool, limit: int) -> Sequence[SentCommand]:
        self.looks += 1
        if self.looks == 2:
            self.answer(REFS[0])
        if self.looks > 2:
            raise ZeroDivisionError
        return await super().list(open_only=open_only, limit=limit)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_PAUSE_S", 0)


def filled(desk: MemoryDesk) -> MemoryDesk:
    """With a command for each of REFS."""

    async def fill() -> None:
        for message_id, amperes in zip(MESSAGE_IDS, ("13", "16"), strict=True):
            checked = check_command(shipped_catalogue(), "EH123456", "48", [amperes, "5"], now=NOW)
            await desk.send(CommandRequest(checked, message_id, ""))

    asyncio.run(fill())
    desk.lock = asyncio.Lock()
    return desk


def run(*arguments: str, environ: Mapping[str, str]) -> Result:
    return CliRunner().invoke(command, arguments, env=environ, catch_exceptions=False)


def list_of(desk: MemoryDesk, *arguments: str) -> Result:
    with served(desk) as environ:
        return run(*arguments, environ=environ)


def test_commands_are_listed_the_newest_first() -> None:
    desk = filled(MemoryDesk())
    desk.answer(REFS[0])
    desk.take_effect(REFS[0])
    result = list_of(desk)
    heading, newest, oldest = result.stdout.splitlines()

    assert result.exit_code == 0
    assert heading.split() == ["published", "serial", "command", "arguments", "state", "response", "effect", "ref"]
    assert newest.split()[:6] == ["2023-05-04T16:55:24", "EH123456", "SetDynamicChargerCurrent", "16", "5", "published"]
    assert oldest.endswith(f"13 5       accepted, confirmed  1,000 ms  2,000 ms  {REFS[0][:12]}")


def test_only_open_ones_and_only_so_many() -> None:
    desk = filled(MemoryDesk())
    desk.answer(REFS[1])

    assert REFS[0][:12] in list_of(desk, "--open").stdout
    assert REFS[1][:12] not in list_of(desk, "--open").stdout
    assert len(list_of(desk, "--limit", "1").stdout.splitlines()) == 2


def test_json_has_a_line_for_each() -> None:
    result = list_of(filled(MemoryDesk()), "--json")
    entries = [json.loads(line) for line in result.stdout.splitlines()]

    assert [entry["ref"] for entry in entries] == [REFS[1], REFS[0]]
    assert entries[0]["state"] == "published"


def test_none_is_said() -> None:
    assert list_of(MemoryDesk()).stdout == "There are no such commands.\n"
    assert list_of(MemoryDesk(), "--json").stdout == ""


def test_a_watch_tells_each_change_once() -> None:
    result = list_of(filled(WatchedDesk()), "--watch")
    told = [line.split("  ") for line in result.stdout.splitlines()]

    assert [(line[-1], line[4]) for line in told] == [
        (REFS[0][:12], "published"),
        (REFS[1][:12], "published"),
        (REFS[0][:12], "accepted"),
    ]
    assert result.exit_code == 1
    assert "a fault of this worker" in result.stderr


def test_a_watch_may_be_json() -> None:
    result = list_of(filled(WatchedDesk()), "--watch", "--json")
    assert [json.loads(line)["state"] for line in result.stdout.splitlines()] == ["published", "published", "accepted"]


def test_a_watch_goes_on_when_the_worker_is_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    away = NoWorkerError("no worker answers")
    ends: list[Sequence[CommandView] | WorkerError] = [[], away, away, [], away, WorkerError("enough")]

    def look(_: object, *, open_only: bool, limit: int) -> Sequence[CommandView]:
        end = ends.pop(0)
        if isinstance(end, WorkerError):
            raise end
        return end[:limit] if open_only else end

    monkeypatch.setattr("pipeline.wires.command_client.CommandClient.list", look)
    result = run("--watch", environ={"CHARGELINE_HTTP_TOKEN": "x"})

    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["no worker answers", "no worker answers", "Error: enough"]


def test_a_watch_needs_a_worker_to_begin_with() -> None:
    result = run("--watch", environ={"CHARGELINE_HTTP": "127.0.0.1:1", "CHARGELINE_HTTP_TOKEN": "x"})

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no worker answers at 127.0.0.1:1; start `chargeline run`")


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_a_limit_that_is_none_is_wrong_usage(limit: str) -> None:
    assert run("--limit", limit, environ={}).exit_code == 2
