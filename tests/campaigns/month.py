"""A month of a large fleet in InfluxDB: rows as line protocol, from a plain generator.

Owns how many rows there are of what, and about what values. What is asked is how long queries take, so rows are about
right, and no fleet has lived them. Must not know the program, but for what stores hold: its names are tested elsewhere.
"""

import zlib
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import NamedTuple

from tests.services.influxdb import InfluxDb

S = 10**9
HOUR_NS = 3_600 * S
FIRMWARES = ("315", "318", "321")
COMMANDS = (
    (48, "SetDynamicChargerCurrent"),
    (22, "SetDynamicCircuitCurrent"),
    (11, "SetSmartCharging"),
    (1, "Reboot"),
    (30, "SetLockCablePermanently"),
)
OUTCOMES = ("accepted",) * 93 + ("rejected",) * 3 + ("timed_out",) * 3 + ("expired",)
_LINES = 20_000
_MODES = (
    "disconnected_s",
    "awaiting_start_s",
    "charging_s",
    "completed_s",
    "error_s",
    "ready_to_charge_s",
    "awaiting_authentication_s",
    "de_authenticating_s",
    "unknown_mode_s",
)


class Month(NamedTuple):
    """What is generated. `start` nanoseconds since the epoch, a full hour; each charger belongs to a site."""

    chargers: int
    days: int
    start: int = 1_761_955_200 * S
    chargers_a_site: int = 25
    commands_a_day: int = 12
    sessions_a_day: int = 3

    @property
    def end(self) -> int:
        """The end of the last day."""
        return self.start + self.days * 24 * HOUR_NS


def fill(influxdb: InfluxDb, bucket: str, month: Month) -> int:
    """Write it all; how many rows."""
    lines, count = _lines(month), 0
    while portion := list(islice(lines, _LINES)):
        influxdb.write(bucket, "\n".join(portion))
        count += len(portion)
    return count


def _lines(month: Month) -> Iterator[str]:
    """Day by day, as time writes them: a store keeps what is near in time near to each other."""
    random = Random(month.chargers)
    chargers = [
        (f"charger=EH{number:06d},site=Site\\ {number // month.chargers_a_site}", number)
        for number in range(1, month.chargers + 1)
    ]
    for day in range(month.days):
        begin = month.start + day * 24 * HOUR_NS
        for tags, number in chargers:
            firmware = FIRMWARES[(number + day // 10) % len(FIRMWARES)]
            yield from _hours(random, tags, firmware, begin)
            yield from _commands(random, tags, firmware, begin, month.commands_a_day)
            yield from _sessions(random, tags, begin, month.sessions_a_day)
            yield from _silences(random, tags, begin)
            yield f"charger_other,{tags} o{random.randrange(300, 306)}={random.randrange(9)}.0 {_within(random, begin)}"


def _hours(random: Random, tags: str, firmware: str, begin: int) -> Iterator[str]:
    for hour in range(24):
        offline = random.choice((0,) * 40 + (600, 3_600))
        mode = random.choices(range(len(_MODES)), (60, 3, 25, 10, 0.2, 0.5, 1, 0.1, 0.1))[0]
        seconds = ",".join(f"{name}={3_600 - offline if place == mode else 0}.0" for place, name in enumerate(_MODES))
        kwh = random.uniform(2, 11) if mode == _MODES.index("charging_s") else 0.0
        yield (
            f"charger_hour,{tags},firmware={firmware} online_s={3_600 - offline}.0,offline_s={offline}.0,{seconds},"
            f"energy_kwh={kwh:.3f},max_power_kw={kwh * 1.05:.3f},"
            f"device_to_cloud_ms_max={random.expovariate(0.001):.1f},messages={random.randrange(40, 400)}.0"
            f" {begin + hour * HOUR_NS}"
        )


def _commands(random: Random, tags: str, firmware: str, begin: int, count: int) -> Iterator[str]:
    """Of each command its row, its decision, and its response; and as many responses to commands of others."""
    for _ in range(count):
        number, name = random.choice(COMMANDS)
        at, outcome = _within(random, begin), random.choice(OUTCOMES)
        ref = f"{zlib.crc32(f'{tags}{at}'.encode()):032x}"
        is_answered = outcome in ("accepted", "rejected")
        latencies = f",delivery_ms={random.uniform(50, 900):.3f},response_ms={random.expovariate(0.001) + 150:.3f}"
        latencies += f",round_trip_ms={random.expovariate(0.0008) + 200:.3f}"
        flags = (
            f"ok={int(outcome == 'accepted')}.0,failed={int(outcome != 'accepted')}.0,"
            f"timed_out={int(outcome == 'timed_out')}.0,expired={int(outcome == 'expired')}.0"
        )
        is_late = is_answered and random.randrange(50) == 0
        flags += f",late={int(is_late)}.0"
        latencies += ",lateness_ms=9000.0" if is_late else ""
        decided_at = at + (S if is_answered else 60 * S)
        yield (
            f'command,{tags},command={name} state="{outcome}",command_id={number}.0,ref="{ref}",arguments="[]",'
            f'expires_at="",attempt=0.0,answered={int(is_answered)}.0,{flags},superseded=1.0,'
            f"confirmed={int(outcome == 'accepted')}.0{latencies if is_answered else ''} {at}"
        )
        yield (
            f"command_outcome,{tags},command={name},firmware={firmware},outcome={outcome} "
            f'ref="{ref}",{flags},refuted=0.0{latencies if is_answered else ""} {decided_at}'
        )
        for created_at, paired in ((at, 1), (_within(random, begin), 0)) if is_answered else ():
            yield (
                f'command_response,{tags},command={name} command_id={number}.0,accepted=1.0,ticks="638000000000000000",'
                f"delivery_ms=300.0,response_ms=900.0,paired={paired}.0 {created_at}"
            )


def _sessions(random: Random, tags: str, begin: int, count: int) -> Iterator[str]:
    for part in range(count):
        seconds = random.uniform(600, 20_000)
        at = begin + (part * 24 // count) * HOUR_NS + random.randrange(HOUR_NS) // S * S
        yield (
            f"session,{tags} energy_kwh={seconds / 600:.3f},duration_s={seconds:.0f}.0,charging_s={seconds * 0.8:.1f},"
            f'stopped_at="2025-11-01T10:00:00Z",session_id="{part}",source="json" {at}'
        )


def _silences(random: Random, tags: str, begin: int) -> Iterator[str]:
    """Every third day a charger is silent for a while."""
    if random.randrange(3) == 0:
        at, seconds = _within(random, begin), random.randrange(60, 20_000)
        tags = f"alert,{tags},command=-,kind=charger_silent"
        yield f'{tags} active=1.0,value=1200.0,message="m",raised_at="t",duration_s=0.0 {at}'
        yield f'{tags} active=0.0,value=1200.0,message="m",raised_at="t",duration_s={seconds}.0 {at + seconds * S}'


def _within(random: Random, begin: int) -> int:
    return begin + random.randrange(24 * HOUR_NS) // 100 * 100
