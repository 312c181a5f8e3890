"""Time in which a process neither looked nor worked is seen, whoever held it still."""

import os
import signal
import subprocess
import sys
import time

WORDS = """
import time
from pipeline.scale.held_still import HeldStill
held = HeldStill()
print("ready", flush=True)
while (seconds := held.seconds()) < 0.5:
    time.sleep(0.01)
print(seconds, flush=True)
"""


def test_a_process_that_was_stopped_knows_for_how_long() -> None:
    with subprocess.Popen([sys.executable, "-c", WORDS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        began = time.monotonic()
        time.sleep(1.0)
        held_s = time.monotonic() - began
        os.kill(process.pid, signal.SIGCONT)
        assert float(process.stdout.readline()) > held_s - 0.1


def test_what_it_works_does_not_count() -> None:
    script = """
import time
from pipeline.scale.held_still import HeldStill
held = HeldStill()
began = time.process_time()
while time.process_time() - began < 1.0:
    pass
began = time.monotonic()
print(held.seconds())
print(held.seconds())
"""
    alive = time.monotonic()
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert float(said[0]) < time.monotonic() - alive - 1.0
    assert float(said[1]) < float(said[0]) + 0.5
