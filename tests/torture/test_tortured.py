"""A process under torture: how it ended is known, and what it is told."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.torture.folder import wait_for
from tests.torture.shells import Part
from tests.torture.tortured import Tortured

PAGES, CODE = "PAGES", "CODE"
SHOW = """
import os, signal
from http.server import HTTPServer, SimpleHTTPRequestHandler

host, port = os.environ["CHARGELINE_HTTP"].split(":")
os.chdir(os.environ["CHARGELINE_PAGES"])
code = os.environ.get("CHARGELINE_CODE")
if code is not None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(int(code)))
HTTPServer((host, int(port)), SimpleHTTPRequestHandler).serve_forever()
"""
"""Shows the files of a folder as its pages; ends with a code, or as it comes."""
SERVER = (sys.executable, "-c", SHOW)
PATIENCE_S = 30.0


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("0", []),
        ("3", ["one-0 ended with 3 after SIGTERM"]),
        (None, ["one-0 ended with -15 after SIGTERM"]),
    ],
)
def test_a_code_other_than_0_after_sigterm_is_wrong(tmp_path: Path, code: str | None, ends: list[str]) -> None:
    settings = {PAGES: str(tmp_path), **({} if code is None else {CODE: code})}
    tortured = Tortured(
        Part("one-0", "one", (), stores=False, takes_partitions=False), tmp_path, SERVER, settings, has_clock=False
    )
    tortured.start()
    try:
        assert wait_for(lambda: tortured.delivered() is not None, PATIENCE_S)
        tortured.note_end()
        assert tortured.wrong_ends == []
        os.kill(tortured.process.pid, signal.SIGTERM)
        assert wait_for(lambda: not tortured.process.running, PATIENCE_S)
        tortured.note_end()
    finally:
        tortured.process.kill()
    assert tortured.wrong_ends == ends
