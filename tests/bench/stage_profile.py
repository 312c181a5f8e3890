"""Where the CPU time of `chargeline run` goes: a profile by sampling, and the table of stages.

Run as a module, this is the program with a sampler in it: `python -m tests.bench.stage_profile OUT run …`. Two
milliseconds of CPU time after another, a signal looks at the stack of every thread, and gives each the CPU time that it
took since the last look, by its own clock. That costs some percent, evenly; a tracing profiler would make calls dear.
"""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from pipeline.cli import main as program

PERIOD_S = 0.002
US_PER_NS = 1e-3

STAGES: Mapping[str, tuple[str, ...]] = {
    "rest": ("bench/stage_profile",),
    "start: imports": ("<frozen importlib", ":<module>"),
    "deliveries out of the stream": ("wires/amqp_tap", "wires/amqp_properties", "wires/amqp_fast"),
    "window, acknowledging, looking": ("wires/amqp",),
    "decode": (
        "core/decode",
        "core/known_shapes",
        "core/timestamps",
        "core/coercion",
        "core/body",
        "core/members",
        "core/redaction",
        "core/routing_key",
    ),
    "rows": ("core/rows", "core/same_stamp"),
    "line protocol": ("core/line_protocol",),
    "gzip": ("wires/influx.py:_send",),
    "HTTP to InfluxDB": (
        "wires/influx",
        "core/settlement",
        "core/verdict",
        "influxdb_client/",
        "urllib3/",
        "http/client",
    ),
    "SQLite: store, state, rejects": ("wires/sqlite", "wires/state", "wires/progress_tables", "wires/kept_reject"),
    "commands, silence, alerts": ("core/", "pipeline/tracking", "pipeline/watch"),
    "counting": ("pipeline/meters", "pipeline/self_metrics", "wires/metrics"),
    "batches": ("pipeline/worker", "pipeline/journey"),
    "client library": ("aiormq/", "aio_pika/", "pamqp/"),
    "event loop, sockets, threads": ("asyncio/", "selectors", "ssl.py", "concurrent/", "threading"),
}
"""What a stage is known by: parts of `file:function`. The innermost frame that has one decides."""


class Sampler:
    """Samples this process until `stop`. `spent` is by stage, nanoseconds of CPU time."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._seen: dict[int, int] = {}
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, PERIOD_S, PERIOD_S)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _signal: int, interrupted: FrameType | None) -> None:
        me = threading.get_ident()
        for thread, frame in sys._current_frames().items():
            try:
                taken = time.clock_gettime_ns(time.pthread_getcpuclockid(thread))
            except OSError:
                continue
            self.spent[stage_of(interrupted if thread == me else frame)] += taken - self._seen.get(thread, 0)
            self._seen[thread] = taken


def stage_of(frame: FrameType | None) -> str:
    """The stage of what runs in this frame."""
    while frame is not None:
        path = f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
        for stage, parts in STAGES.items():
            if any(part in path for part in parts):
                return stage
        frame = frame.f_back
    return "rest"


def stage_table(spent: Mapping[str, int], messages: int) -> str:
    """Stage, CPU microseconds a message, share; the dearest first."""
    total = sum(spent.values()) or 1
    rows = sorted(spent.items(), key=lambda item: -item[1])
    lines = [f"{stage:34} {ns * US_PER_NS / messages:8.2f} {ns / total:6.1%}" for stage, ns in rows]
    return "\n".join([f"{'':34} {'µs':>8} {'share':>6}", *lines])


def main(out: Path, words: list[str]) -> None:
    """Be the program, and leave the profile in `out` as JSON."""
    sampler = Sampler()
    sys.argv = ["chargeline", *words]
    try:
        program()
    finally:
        sampler.stop()
        out.write_text(json.dumps(sampler.spent), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
    os._exit(0)
