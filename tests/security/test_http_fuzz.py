"""Requests that schemathesis makes up from the served document: each is answered, as documented, and never with 5xx."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.command_entry import SentCommand
from tests.pipeline.cli.served_desk import served
from tests.pipeline.wires.memory_desk import TOKEN, MemoryDesk

PROGRAM = Path(sys.executable).with_name("schemathesis")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
"""All but those about a correct request being taken: which commands and arguments there are is not in the document."""

SLOWEST_ANSWER_S = 10
REQUESTS_OF_AN_OPERATION = 30
FEWEST_REQUESTS = 100


def fuzz(desk: MemoryDesk, folder: Path, token: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis says about a server that stands before this desk."""
    with served(desk) as settings:
        return subprocess.run(
            [
                str(PROGRAM),
                "run",
                f"http://{settings['CHARGELINE_HTTP']}/v1/openapi.json",
                f"--header=Authorization: Bearer {token}",
                f"--checks={','.join(CHECKS)}",
                f"--max-response-time={SLOWEST_ANSWER_S}",
                f"--max-examples={REQUESTS_OF_AN_OPERATION}",
                "--seed=10",
                "--continue-on-failure",
                "--no-color",
            ],
            cwd=folder,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )


def generated(output: str) -> int:
    """How many requests it made: from `722 generated, 722 passed`."""
    return next(int(line.split()[0]) for line in output.splitlines() if " generated, " in line)


def test_every_request_with_the_token_is_answered_as_documented(tmp_path: Path) -> None:
    desk = MemoryDesk()
    done = fuzz(desk, tmp_path, TOKEN)

    assert done.returncode == 0, done.stdout + done.stderr
    assert generated(done.stdout) > FEWEST_REQUESTS
    assert desk.published > 0, "no request was a command that can be sent: the examples of the document are none"


def test_no_request_with_a_wrong_token_reaches_a_charger(tmp_path: Path) -> None:
    desk = MemoryDesk()
    done = fuzz(desk, tmp_path, "guessed")

    assert done.returncode == 0, done.stdout + done.stderr
    assert generated(done.stdout) > FEWEST_REQUESTS
    assert desk.published == 0


class _BrokenDesk(MemoryDesk):
    async def list(self, *, open_only: bool, limit: int) -> Sequence[SentCommand]:
        raise RuntimeError(f"{open_only} {limit}")


def test_an_answer_with_5xx_is_seen(tmp_path: Path) -> None:
    done = fuzz(_BrokenDesk(), tmp_path, TOKEN)

    assert done.returncode == 1
    assert "Server error" in done.stdout
