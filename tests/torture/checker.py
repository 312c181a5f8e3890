"""The checker: everything that was said and confirmed is stored or rejected, and nothing else is.

    python -m tests.torture.checker FOLDER

Reads the folder that the two other programs share, and the bucket. Prints a table; exit code 1 where a fault was found.
What is still on its way to being corrected gets some patience. Imports nothing of the program under test.
"""

import argparse
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.services.influxdb import InfluxDb
from tests.torture.commands import Commands, Rows
from tests.torture.expected import Expected, Fault
from tests.torture.folder import (
    COMMANDS,
    DRAINED,
    FAULTS,
    FOUND,
    SAMPLES,
    SITE,
    Entry,
    read,
    read_confirmed,
    read_entries,
    read_messages,
)
from tests.torture.stored import KafkaRejects, KeptRejects, Stored

PATIENCE_S = 150.0
"""The rows of a write that was never answered are said again after two minutes."""
AGAIN_S = 10.0
AFTERWARDS = 1_000
MIB = 1 << 20
MOST_RESIDENT = 300 * MIB
"""Of one process. 154 MiB is the most that was ever seen of a worker alone, 281 of a role: a `track`."""
MOST_DATA_DIR = 400 * MIB
SAMPLED_NS = 60 * 10**9
SHOWN = 8
KINDS = ("lost", "extra", "wrong", "command", "liveness", "size", "schedule")


class Report(NamedTuple):
    """What a run came to."""

    deck: Sequence[str]
    expected: Expected
    commands: Commands
    befell: Sequence[Entry]
    samples: Sequence[Entry]
    drained: Entry
    faults: Sequence[Fault]
    taken_back: Sequence[str]

    @property
    def counts(self) -> Counter[str]:
        return Counter(fault.kind for fault in self.faults)

    def table(self) -> str:
        """To be read by people."""
        kinds = Counter(str(each["name"]) for each in self.befell)
        recoveries = [each["recovered_s"] for each in self.befell if each["recovered_s"] is not None]
        never = [name for name in self.deck if name not in kinds]
        in_kafka = [each["kafka"] for each in self.samples if each["kafka"] is not None]
        resident = [size for each in self.samples for size in each["resident"].values() if size]
        lines = [
            f"messages          {self.expected.messages:,}",
            f"rows, rejects     {len(self.expected.rows):,}, {len(self.expected.rejects):,}",
            f"commands          {self.commands.count:,}",
            f"faults            {sum(kinds.values())}: {', '.join(f'{n} {kind}' for kind, n in sorted(kinds.items()))}",
            f"never came        {len(never)}{': ' if never else ''}{', '.join(never)}",
            f"longest recovery  {max(recoveries, default=0.0):.1f} s",
            f"queue empty after {self.drained['seconds']} s" if self.drained["is_drained"] else "queue never empty",
            f"most memory       {max(resident, default=0) / MIB:.0f} MiB",
            f"most in DATA_DIR  {max((each['data_dir'] for each in self.samples), default=0) / MIB:.0f} MiB",
            *([f"most in Kafka     {max(in_kafka) / MIB:.0f} MiB"] if in_kafka else []),
            f"said, taken back  {len(self.taken_back)}",
            *(f"  taken back: {words}" for words in self.taken_back[:SHOWN]),
            *(f"{kind:17} {self.counts[kind]}" for kind in KINDS),
        ]
        for kind in KINDS:
            found = [fault.words for fault in self.faults if fault.kind == kind]
            lines += [f"  {kind}: {words}" for words in found[:SHOWN]]
        return "\n".join(lines)


def check(folder: Path, patience_s: float = PATIENCE_S) -> Report:
    """Read everything, and compare until nothing is wrong, or patience is at its end."""
    site = read(folder / SITE)
    influxdb, brokers = InfluxDb(site["influx_url"], site["influx_token"], None), site.get("kafka")
    rejects = KafkaRejects(brokers) if brokers else KeptRejects(Path(site["data_dir"]))
    stored = Stored(influxdb, site["bucket"], rejects)
    befell = read_entries(folder / FAULTS)
    confirmed = read_confirmed(folder)
    expected, commands = Expected(is_scaled_out=brokers is not None), Commands(read_entries(folder / COMMANDS), befell)
    moments: list[int] = []
    for message in read_messages(folder):
        is_confirmed = message.number in confirmed
        expected.add(message, is_confirmed=is_confirmed)
        commands.see(message, confirmed.get(message.number))
        if is_confirmed:
            moments.append(message.at)
    samples = read_entries(folder / SAMPLES)
    drained = read(folder / DRAINED)
    standing = [*_liveness(befell, drained), *size_faults(samples, drained["at"]), *_afterwards(befell, moments)]
    until = time.monotonic() + patience_s
    while True:
        faults = [*_compare(stored, expected, commands), *standing]
        if len(faults) == len(standing) or time.monotonic() > until:
            taken_back = commands.taken_back(_rows(stored, stored.measurements(), "command_outcome"))
            return Report(site["deck"], expected, commands, befell, samples, drained, faults, taken_back)
        time.sleep(AGAIN_S)


def _compare(stored: Stored, expected: Expected, commands: Commands) -> Iterator[Fault]:
    measurements = stored.measurements()
    yield from expected.faults_of_rows(row for name in measurements for row in stored.rows(name))
    yield from expected.faults_of_rejects(stored.rejects())
    names = ("command", "command_outcome", "command_response")
    yield from commands.faults(*(_rows(stored, measurements, name) for name in names))


def _rows(stored: Stored, measurements: Sequence[str], name: str) -> Rows:
    return dict(stored.rows(name)) if name in measurements else {}


def _liveness(befell: Sequence[Entry], drained: Entry) -> Iterator[Fault]:
    for each in befell:
        if each["recovered_s"] is None:
            yield Fault("liveness", f"not at work again after {each['name']}")
    if not drained["is_drained"]:
        yield Fault("liveness", "the queue is not empty, long after the last fault")


def size_faults(samples: Sequence[Entry], ended_at: int) -> Iterator[Fault]:
    """What is too much, or that nobody looked. `ended_at`: when the run came to its end, nanoseconds."""
    if ended_at - max((each["at"] for each in samples), default=0) > SAMPLED_NS:
        yield Fault("size", "nobody looked at sizes any more when the run came to its end")
    for each in samples:
        for name, size in each["resident"].items():
            if size and size > MOST_RESIDENT:
                yield Fault("size", f"{name} takes {size / MIB:.0f} MiB of memory")
        if each["data_dir"] > MOST_DATA_DIR:
            yield Fault("size", f"DATA_DIR takes {each['data_dir'] / MIB:.0f} MiB")


def _afterwards(befell: Sequence[Entry], said_at: Iterable[int]) -> Iterator[Fault]:
    """Between the end of a fault and the beginning of the next, enough must be said to show what it did."""
    moments = sorted(said_at)
    ends = [each["began"] for each in befell[1:]] + [max(moments, default=0)]
    for each, end in zip(befell, ends, strict=False):
        count = bisect_right(moments, end) - bisect_right(moments, each["healed"])
        if count < AFTERWARDS:
            yield Fault("schedule", f"only {count} messages after {each['name']}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture.checker", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="shared with the two other programs")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds")
    given = parser.parse_args()
    report = check(given.folder, given.patience)
    (given.folder / FOUND).write_text("".join(f"{kind}: {words}\n" for kind, words in report.faults), "utf-8")
    print(report.table())
    sys.exit(bool(report.faults))


if __name__ == "__main__":
    main()
