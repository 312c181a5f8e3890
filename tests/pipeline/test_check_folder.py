"""The check of this machine, with real folders, files and sockets."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.assembly import STATE_FILE, reject_limits
from pipeline.check_folder import (
    has_worker,
    look_at_disk,
    look_at_fleet,
    look_at_folder,
    look_at_http,
    look_at_rejects,
    look_at_roles_http,
)
from pipeline.check_step import Ground, Look, Result
from pipeline.meters import Meters
from pipeline.wires.folder_lock import lock_folder
from pipeline.wires.http import HttpInterface
from pipeline.wires.state import StateFile
from schemas.reject import Reject, RejectReason
from tests.pipeline.settings_for_tests import settings_in

NOW = 1_800_000_000 * 10**9


def look(step: Callable[[Ground], Look | None], folder: Path, **given: str) -> Look:
    found = step(Ground(settings_in(folder, **given), lambda: NOW))
    assert found is not None
    return found


def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    found = look(look_at_folder, tmp_path / "data" / "below")
    assert found == (Result.OK, f"DATA_DIR {tmp_path / 'data' / 'below'}", "will be made when a worker starts", "")
    assert not (tmp_path / "data").exists()


def test_a_worker_that_has_the_folder_is_told_and_no_fault(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert look(look_at_folder, tmp_path).found == "can be written, and no worker has it"
    assert not has_worker(settings)
    with lock_folder(tmp_path):
        found = look(look_at_folder, tmp_path)
        assert has_worker(settings)
    assert found.result is Result.OK
    assert f"a worker has it (process {os.getpid()}, since 20" in found.found


def test_a_folder_below_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = look(look_at_folder, tmp_path / "file" / "below")
    assert found.result is Result.FAILED
    assert found.found == f"{tmp_path / 'file'} is no folder"
    assert "CHARGELINE_DATA_DIR" in found.todo


def test_a_folder_of_somebody_else_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel's answer, which the superuser, as whom tests may run, never gets.
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = look(look_at_folder, tmp_path)
    assert found.result is Result.FAILED
    assert "may not write" in found.found


def test_the_disk_has_a_figure(tmp_path: Path) -> None:
    assert look(look_at_disk, tmp_path / "not" / "yet").found.endswith(" MiB are free")


def test_little_room_is_a_warning() -> None:
    found = look(look_at_disk, Path("/proc/chargeline"))
    assert found.result is Result.WARNING
    assert found.found == "0 MiB are free"
    assert "make some" in found.todo


def test_a_fleet_file_is_looked_at_where_there_is_one(tmp_path: Path) -> None:
    assert look_at_fleet(Ground(settings_in(tmp_path), lambda: NOW)) is None
    path = tmp_path / "fleet.csv"
    path.write_text("charger,site\nEH1,Oslo\nEH2,Oslo\nEH3,Bergen\n")
    assert look(look_at_fleet, tmp_path, FLEET_FILE=str(path)) == (
        Result.OK,
        "fleet file",
        f"{path}: 3 chargers of 2 sites",
        "",
    )
    path.write_text("charger,site\nEH1\n")
    assert look(look_at_fleet, tmp_path, FLEET_FILE=str(path)) == (
        Result.FAILED,
        "fleet file",
        f"{path}, line 2: 1 values stand where 2 must",
        "mend that line",
    )


def test_without_a_state_file_there_are_no_rejects_and_none_is_made(tmp_path: Path) -> None:
    assert look(look_at_rejects, tmp_path).found == "none are kept; room for 1,024 MiB"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("most", "result"), [("1MiB", Result.OK), ("1KiB", Result.WARNING)])
def test_rejects_that_are_nearly_full_are_a_warning(tmp_path: Path, most: str, result: Result) -> None:
    with StateFile.open(tmp_path / STATE_FILE, reject_limits(settings_in(tmp_path))) as state:
        state.add_rejects([Reject(RejectReason.JSON, "x", {}, b"x" * 900, None, "")], NOW)
        found = look(look_at_rejects, tmp_path, REJECTS_MAX=most)
    assert found.result is result
    assert found.found.startswith("1 are kept")
    assert ("discard" in found.todo) == (result is Result.WARNING)


def test_a_state_file_of_somebody_else_fails(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_bytes(b"no database" * 100)
    found = look(look_at_rejects, tmp_path)
    assert found.result is Result.FAILED
    assert "CHARGELINE_DATA_DIR" in found.todo


def test_an_address_that_is_free_stays_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    for _ in range(2):
        found = look(look_at_http, tmp_path, HTTP=f"127.0.0.1:{port}")
        assert found == (Result.OK, f"HTTP interface 127.0.0.1:{port}", "is free", "")


def test_no_address_is_no_step(tmp_path: Path) -> None:
    assert look_at_http(Ground(settings_in(tmp_path, HTTP="off"), lambda: NOW)) is None


def test_an_address_of_another_program_fails(tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        found = look(look_at_http, tmp_path, HTTP=f"127.0.0.1:{server.getsockname()[1]}")
    assert found.result is Result.FAILED
    assert found.found == "another program listens there already"
    assert "CHARGELINE_HTTP" in found.todo


def test_an_address_of_another_machine_fails(tmp_path: Path) -> None:
    found = look(look_at_http, tmp_path, HTTP="203.0.113.1:8090")
    assert found.result is Result.FAILED
    assert "CHARGELINE_HTTP" in found.todo


async def test_a_chargeline_at_the_address_is_right_where_a_worker_has_the_folder(tmp_path: Path) -> None:
    async with HttpInterface(("127.0.0.1", 0), Meters()) as interface:
        address = f"127.0.0.1:{interface.port}"
        alone = await asyncio.to_thread(look, look_at_http, tmp_path, HTTP=address)
        with lock_folder(tmp_path):
            beside = await asyncio.to_thread(look, look_at_http, tmp_path, HTTP=address)
        role = await asyncio.to_thread(look, look_at_roles_http, tmp_path, HTTP=address)
    assert alone.result is Result.FAILED
    assert alone.found == "a chargeline listens there already"
    assert beside.result is Result.OK
    assert role.result is Result.WARNING
    assert role.todo == "unless it is this very role, name another address in CHARGELINE_HTTP, or off"
