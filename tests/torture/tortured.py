"""One process under torture: how it is started, what it tells of itself, and how it ended.

Owns its environment with a clock of its own, and what is read out of its pages. Must not know what befalls it, or what
else there is.
"""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.services.http import request
from tests.services.process import LOOPBACK, Command, ServerProcess, ServiceError, free_ports
from tests.torture.shells import Part

METRICS_S = 20.0
RIGHT_TIME = "+0"
READY = 200
DELIVERED = re.compile(r"^chargeline_delivered_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
LAG = re.compile(r"^chargeline_kafka_lag\{[^}]*\} (\S+)$", re.MULTILINE)
FAKETIME = ("/usr/lib", "/usr/local/lib")


class _Process(ServerProcess):
    @property
    def exit_code(self) -> int | None:
        """Of one that ended, by itself or at a signal; None for one that runs, or was cleared away."""
        return None if self._process is None else self._process.poll()


class Tortured:
    """One process of a shell, over all its lives. Its log is appended to."""

    def __init__(
        self, part: Part, folder: Path, program: Sequence[str], settings: Mapping[str, str], *, has_clock: bool
    ) -> None:
        """`has_clock`: its clock can be stepped. That takes a library which is not always safe with threads."""
        (port,) = free_ports(1)
        self.name = part.name
        self.role = part.role
        self.stores = part.stores
        self._takes_partitions = part.takes_partitions
        self.url = f"http://{LOOPBACK}:{port}"
        self.log = folder / f"{part.name}.log"
        self._clock = folder / f"{part.name}.clock"
        self.set_clock(RIGHT_TIME)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
        given = {f"CHARGELINE_{name}": value for name, value in {**settings, "HTTP": f"{LOOPBACK}:{port}"}.items()}
        self.environment = {**kept, **given, **(self._clock_settings() if has_clock else {})}
        self.process = _Process(Command(part.name, [*program, *part.words], self.environment, self.log))
        self.lives = 0
        self.longest_end_s = 0.0
        self.wrong_ends: list[str] = []

    def start(self) -> None:
        """Begin a life. It is up as soon as it runs: nobody waits for it here."""
        self.lives += 1
        self.process.start(lambda: True)

    def note_end(self) -> None:
        """It was told to end by SIGTERM, and has: a code other than 0 is wrong."""
        code = self.process.exit_code
        if code:
            self.wrong_ends.append(f"{self.name} ended with {code} after SIGTERM")

    def set_clock(self, offset: str) -> None:
        """From within a second on its clock is so far from the right one: `+3600s`."""
        new = self._clock.with_suffix(".new")
        new.write_text(f"{offset}\n", "ascii")
        new.replace(self._clock)

    def delivered(self) -> float | None:
        """Deliveries that this life has made durable; None while it does not answer."""
        with suppress(OSError, ServiceError):
            found = DELIVERED.search(request("GET", f"{self.url}/metrics", timeout_s=METRICS_S).body.decode())
            return float(found[1]) if found else 0.0
        return None

    def is_ready(self) -> bool:
        """Whether it does its work, by its own word."""
        with suppress(OSError, ServiceError):
            return request("GET", f"{self.url}/readyz", timeout_s=METRICS_S).status == READY
        return False

    def has_no_partition(self) -> bool:
        """Whether it is one that needs partitions of Kafka, and has none by its own word."""
        with suppress(OSError, ServiceError):
            body = request("GET", f"{self.url}/metrics", timeout_s=METRICS_S).body.decode()
            return self._takes_partitions and not LAG.search(body)
        return False

    def lag(self) -> float:
        """Messages of Kafka that wait for it; one where it does not say."""
        with suppress(OSError, ServiceError):
            body = request("GET", f"{self.url}/metrics", timeout_s=2).body.decode()
            return sum(map(float, LAG.findall(body)))
        return 1.0

    def resident(self) -> int | None:
        """Bytes of memory; None while it does not run."""
        with suppress(OSError, ServiceError):
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return None

    def _clock_settings(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(_faketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            # Its remedy for an old C library makes waits end at once: whoever waits for the interpreter's lock spins.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }


def _faketime() -> Path:
    for place in FAKETIME:
        for found in sorted(Path(place).glob("**/faketime/libfaketime.so.1")):
            return found
    raise ServiceError("There is no libfaketime: run `make services`.")
