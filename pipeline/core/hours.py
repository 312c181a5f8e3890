"""Hours: the row `charger_hour` of a charger and an hour.

Owns its fields. Pure, and a function of what is remembered. Must not know when a row is due, or how long anything is
remembered.

There is a row of every hour since a charger first said anything, until 30 days after it was last heard. It appears
when the hour is over: the meter itself speaks hourly, so the running hour has no energy yet.
    online_s                 within SILENT_AFTER of a moment at which it was heard, whatever it told afterwards
    offline_s and the others by the OpModes stamped in the hour and before, together 3,600 s. Silence is Offline, unless
                             anything stamped in the hour reached the cloud later than SILENT_AFTER: then the charger
                             told of that hour afterwards, and its own word counts
    energy_kwh               what `pipeline.core.energy_meter` says; absent before the first reading
    max_power_kw             the greatest TotalPower stamped in the hour; absent where there is none
    device_to_cloud_ms_max   the worst of what is remembered of it (`SLOTS`, but the release) stamped in the hour
    messages                 of any kind, by the hour in which they came; after a crash those are missing that came
                             since the charger was last kept as a whole, twenty minutes before at most
The tag `firmware` is the release that was known when the row was first written, and last said in that hour or before.
"""

from pipeline.core.charger_course import ChargerCourse, Slot
from pipeline.core.clock_offset import HOUR_NS
from pipeline.core.mode_seconds import mode_seconds, silent_pieces
from pipeline.core.online_runs import OnlineRuns
from pipeline.core.silences import FORGOTTEN_AFTER_NS
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from schemas.measurement import CHARGER_HOUR
from schemas.row import Field, Row

UNKNOWN_RELEASE = "-"


def hour_row(serial: str, charger: ChargerCourse, runs: OnlineRuns, hour: int, messages: int) -> Row | None:
    """The row of the hour that begins so; None where there is none."""
    end = hour + HOUR_NS
    if charger.since >= end or not _is_remembered(serial, runs, hour):
        return None
    online = runs.online_between(serial, hour, end)
    peak = charger.peaks.of(hour)
    has_told = peak is not None and peak.latency_ms * NS_PER_MS > runs.silent_after
    fields: list[Field] = [("online_s", sum(ended - begun for begun, ended in online) / NS_PER_S)]
    fields += mode_seconds(
        charger.at(Slot.OP_MODE, hour - NS_PER_S),
        charger.modes(hour, end),
        () if has_told else silent_pieces(online, hour, end),
        (hour, end),
    )
    energy = charger.meter.energy(hour)
    if energy is not None:
        fields.append(("energy_kwh", energy))
    if peak is not None:
        if peak.power_kw is not None:
            fields.append(("max_power_kw", peak.power_kw))
        fields.append(("device_to_cloud_ms_max", peak.latency_ms))
    fields.append(("messages", float(messages)))
    tags = (("firmware", _release(charger.at(Slot.RELEASE, end - NS_PER_S))),)
    return Row(CHARGER_HOUR, serial, "", tags, hour, tuple(fields))


def _is_remembered(serial: str, runs: OnlineRuns, hour: int) -> bool:
    """Whether a charger was heard within 30 days before the end of an hour, or is new."""
    before = [run for run in runs.runs(serial) if run.first < hour + HOUR_NS]
    return not before or before[-1].last + FORGOTTEN_AFTER_NS > hour


def _release(value: float | None) -> str:
    if value is None:
        return UNKNOWN_RELEASE
    return str(int(value)) if value.is_integer() else str(value)
