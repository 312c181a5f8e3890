"""The check of the store: InfluxDB, its bucket, its clock beside ours; or the SQLite file.

Owns these steps and what to do about what they find. Must not know their order, or how anybody asks. InfluxDB is asked
with an empty write, which proves everything and writes nothing.
"""

from contextlib import closing

from pipeline.assembly import STORE_FILE, bucket_of
from pipeline.check_folder import look_at_folder
from pipeline.check_step import Ground, Look, Result, split_words
from pipeline.core.timestamps import NS_PER_S
from pipeline.settings import Settings
from pipeline.wires.influx import InfluxStore
from pipeline.wires.influx_look import ServerFaultError, look_at_retention, look_at_server
from pipeline.wires.influx_schema import read_version, refuse_newer
from pipeline.wires.sqlite_file import ForeignFileError, open_file
from pipeline.wires.sqlite_schema import STORE
from pipeline.wires.store import StoreUnavailableError

_MOST_OFFSET_NS = NS_PER_S
_MIB = 1 << 20
_DAY_NS = 86_400 * NS_PER_S
_HOUR_NS = 3_600 * NS_PER_S


def look_at_store(ground: Ground) -> Look:
    """That InfluxDB answers, and which version it is; or that the SQLite file is ours."""
    bucket = bucket_of(ground.settings)
    if bucket is None:
        return _look_at_file(ground.settings)
    tried = f"InfluxDB {bucket.url}"
    try:
        version = look_at_server(bucket.url).version
    except ServerFaultError as fault:
        return Look(Result.FAILED, tried, fault.words, fault.step)
    return Look(Result.OK, tried, f"answers, version {version}")


def _look_at_file(settings: Settings) -> Look:
    path = settings.data_dir / STORE_FILE
    tried = f"SQLite {path}"
    if not path.exists() or not path.stat().st_size:
        return Look(Result.OK, tried, "will be made when a worker starts, since no CHARGELINE_INFLUX_* is set")
    try:
        with closing(open_file(path, STORE)):
            return Look(Result.OK, tried, f"is a store of this program, {path.stat().st_size // _MIB:,} MiB")
    except (ForeignFileError, StoreUnavailableError) as fault:
        return Look(Result.FAILED, tried, *split_words(str(fault)))


def look_at_bucket(ground: Ground) -> Look | None:
    """That this token may write to the bucket; None for SQLite."""
    bucket, token = bucket_of(ground.settings), ground.settings.influx_token
    if bucket is None or token is None:
        return None
    tried = f"bucket {bucket.name} of organisation {bucket.org}"
    with closing(InfluxStore(bucket, token.reveal)) as store:
        try:
            store.probe()
        except StoreUnavailableError as fault:
            # Its words begin with server and bucket, which stand in the line already.
            words = str(fault).removeprefix(f"InfluxDB at {bucket.url}, bucket {bucket.name}: ")
            return Look(Result.FAILED, tried, *split_words(words))
    return Look(Result.OK, tried, "takes rows with this token")


def look_at_schema(ground: Ground) -> Look | None:
    """That no newer program writes to the bucket; None for SQLite, whose file was looked at already."""
    bucket, token = bucket_of(ground.settings), ground.settings.influx_token
    if bucket is None or token is None:
        return None
    tried = f"schema version of bucket {bucket.name}"
    try:
        version = read_version(bucket, token.reveal)
    except StoreUnavailableError as fault:
        if fault.needs_operator:
            return Look(Result.SKIPPED, tried, "this token may not read it, which a worker does not need either")
        return Look(Result.FAILED, tried, *split_words(str(fault)))
    try:
        refuse_newer(bucket, version)
    except StoreUnavailableError as fault:
        return Look(Result.FAILED, tried, *split_words(str(fault)))
    found = "no worker has written to it yet" if version is None else f"{version}, which this program knows"
    return Look(Result.OK, tried, found)


def look_at_keeping(ground: Ground) -> Look | None:
    """How long the bucket keeps rows, beside CHARGELINE_KEEP where that is set; None for SQLite."""
    settings = ground.settings
    bucket, token = bucket_of(settings), settings.influx_token
    if bucket is None or token is None:
        return None
    tried = f"retention of bucket {bucket.name}"
    look = look_at_retention(bucket, token.reveal())
    if look is None:
        return Look(Result.SKIPPED, tried, "this token may not see it, which a worker does not need either")
    if look.keep_ns is None:
        found = "keeps rows for ever"
    else:
        found = f"keeps rows for {_duration(look.keep_ns)}; older ones are refused, and kept as rejects"
    wanted = settings.keep.raw_ns
    if settings.sources["KEEP"] == "default" or wanted == look.keep_ns:
        return Look(Result.OK, tried, found)
    words = "raw:forever" if wanted is None else f"raw:{_duration(wanted)}"
    todo = f"CHARGELINE_KEEP says {words}, and has no say in InfluxDB: change the bucket's retention, or the setting"
    return Look(Result.WARNING, tried, found, todo)


def look_at_clock(ground: Ground) -> Look:
    """Our clock beside InfluxDB's, to a second; there is no other that could be asked."""
    bucket, tried = bucket_of(ground.settings), "clock"
    if bucket is None:
        return Look(Result.SKIPPED, tried, "neither the broker nor SQLite tells a time to compare ours with")
    before = ground.read_clock()
    try:
        theirs = look_at_server(bucket.url).time
    except ServerFaultError as fault:
        return Look(Result.SKIPPED, tried, f"InfluxDB: {fault.words}")
    after = ground.read_clock()
    if theirs is None:
        return Look(Result.SKIPPED, tried, "InfluxDB does not tell the time, and the broker never does")
    # Theirs is cut off to the second: it was somewhere within it.
    ahead, behind = before - (theirs + NS_PER_S), theirs - after
    if max(ahead, behind) <= _MOST_OFFSET_NS:
        return Look(Result.OK, tried, "agrees with InfluxDB's to a second; the broker tells none")
    offset_s = max(ahead, behind) / NS_PER_S
    found = f"ours is {offset_s:,.0f} s {'ahead of' if ahead > behind else 'behind'} InfluxDB's"
    return Look(Result.WARNING, tried, found, "latencies will be wrong by so much; see NTP here and there")


def look_at_bridges_clock(ground: Ground) -> Look:
    """The same for a bridge, which needs no InfluxDB: its clock is compared where one is named all the same."""
    if bucket_of(ground.settings) is not None:
        return look_at_clock(ground)
    found = "neither the broker nor Kafka tells a time to compare ours with; bridges may differ by two seconds"
    return Look(Result.SKIPPED, "clock", found)


def look_at_sole_folder(ground: Ground) -> Look | None:
    """DATA_DIR for a writer of SQLite, which is alone; None where rows go to InfluxDB: then it needs no folder."""
    return look_at_folder(ground) if bucket_of(ground.settings) is None else None


def _duration(nanoseconds: int) -> str:
    """As settings have it: whole days, otherwise hours, otherwise seconds."""
    for unit, size in (("d", _DAY_NS), ("h", _HOUR_NS)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds // NS_PER_S}s"
