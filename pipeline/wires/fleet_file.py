"""The fleet file: which site each charger belongs to, and a store whose rows bear that as their tag.

Owns the file's form, and when it is read again. Must not know any particular store, or where rows come from.

CSV with the columns `charger` and `site`, and `since` where a charger moved: a date or a time, UTC. A row bears the
site that its charger had at the row's own time, whenever it is written. So what is written again after a change of the
file takes the place of what was there, as long as the change says since when. A charger that is not in the file has no
site.
"""

import csv
import logging
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.core.routing_key import is_serial
from pipeline.core.timestamps import parse_time
from pipeline.wires.store import Refusal, Store, StoreUnavailableError
from schemas.row import Row

_LOG = logging.getLogger(__name__)
_COLUMNS = ("charger", "site")
_SINCE = "since"
_MOST_NAME = 100


class FleetFileError(Exception):
    """A fleet file that cannot be used. Says which line, and what to do."""


class Stays(NamedTuple):
    """Where a charger was: `sites[i]` from `moments[i]` on, nanoseconds, in order."""

    moments: tuple[int, ...]
    sites: tuple[str, ...]

    def at(self, moment: int) -> str:
        """Its site at a moment; empty before the first."""
        place = bisect_right(self.moments, moment)
        return self.sites[place - 1] if place else ""


Sites = Mapping[str, Stays]
"""By charger."""


def read_fleet_file(path: Path) -> Sites:
    """What a fleet file says. Raises FleetFileError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file))
    except OSError as fault:
        message = f"{path}: {fault.strerror}; see CHARGELINE_FLEET_FILE, and that this user may read it"
    except (UnicodeDecodeError, csv.Error) as fault:
        message = f"{path} is no CSV file in UTF-8: {fault}; save it as one"
    raise FleetFileError(message) from None


class SitedStore:
    """A store whose rows bear the sites of a fleet file; see Store."""

    def __init__(self, store: Store, path: Path) -> None:
        """Rows go to `store`; closing it is the caller's. Raises StoreUnavailableError for a file of no use."""
        self._store = store
        self._path = path
        try:
            self._sites = read_fleet_file(path)
        except FleetFileError as fault:
            raise StoreUnavailableError(str(fault), needs_operator=True) from None

    @property
    def requests(self) -> int:
        """See Store."""
        return self._store.requests

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """See Store."""
        return self._store.write(list(self._sited(rows)))

    def reload(self) -> None:
        """See Store. The file is read again; where it is of no use, what was read before stays in use."""
        self._store.reload()
        try:
            self._sites = read_fleet_file(self._path)
        except FleetFileError as fault:
            _LOG.error("%s; what was read before stays in use", fault)
        else:
            _LOG.info("%s: %d chargers have a site", self._path, len(self._sites))

    def close(self) -> None:
        """See Store."""
        self._store.close()

    def _sited(self, rows: Iterable[Row]) -> Iterator[Row]:
        stays_of = self._sites.get
        for row in rows:
            stays = stays_of(row.charger)
            yield row if stays is None else row._replace(site=stays.at(row.time))


def _read(path: Path, lines: Iterator[list[str]]) -> Sites:
    head = [name.strip() for name in next(lines, [])]
    if tuple(head) not in (_COLUMNS, (*_COLUMNS, _SINCE)):
        raise FleetFileError(f"{path}, line 1: the columns must be charger,site or charger,site,since; name them there")
    found: dict[str, dict[int, str]] = {}
    for number, line in enumerate(lines, 2):
        if not any(cell.strip() for cell in line):
            continue
        fault = _add(found, len(head), [cell.strip() for cell in line])
        if fault is not None:
            raise FleetFileError(f"{path}, line {number}: {fault}; mend that line")
    return {charger: _stays(sites) for charger, sites in found.items()}


def _add(found: dict[str, dict[int, str]], width: int, cells: Sequence[str]) -> str | None:
    """Take a line; what is wrong with it."""
    if len(cells) != width:
        return f"{len(cells)} values stand where {width} must"
    charger, site, *rest = cells
    since = _moment(rest[0]) if rest and rest[0] else 0
    if not is_serial(charger):
        return f"{charger!r} is no serial number"
    if not site or not site.isprintable() or len(site) > _MOST_NAME:
        return f"a site must have a name of 1 to {_MOST_NAME} characters that can be printed"
    if since is None:
        return f"{rest[0]!r} is no date or time, like 2026-01-31 or 2026-01-31T18:00:00+01:00"
    if since in found.get(charger, {}):
        return f"{charger} stands there a second time; say since when it is elsewhere"
    found.setdefault(charger, {})[since] = site
    return None


def _moment(text: str) -> int | None:
    return parse_time(text if "T" in text else f"{text}T00:00")


def _stays(sites: Mapping[int, str]) -> Stays:
    moments = tuple(sorted(sites))
    return Stays(moments, tuple(sites[moment] for moment in moments))
