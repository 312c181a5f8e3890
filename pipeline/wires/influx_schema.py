"""The schema version of a bucket: read from the rows that workers write about themselves, and held against ours.

Owns the question, and what follows from a bucket that a newer program writes to. SQLite has its version in the file's
mark (`pipeline.wires.sqlite_file`). Must not know what differs between versions.

A bucket has no place of its own for a version. Every worker says its own in measurement `pipeline`; the newest of what
each said last is the bucket's. A bucket that no worker wrote to yet is of any version.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import closing

from pipeline.wires.influx import Bucket
from pipeline.wires.influx_query import InfluxQuery
from pipeline.wires.store import Refusal, Store, StoreUnavailableError
from schemas.measurement import PIPELINE, SCHEMA_VERSION
from schemas.row import Row

_LOG = logging.getLogger(__name__)

_ANSWER_S = 10.0
_QUESTION = f'SELECT last("schema_version") FROM "{PIPELINE}" GROUP BY "worker"'


def read_version(bucket: Bucket, read_token: Callable[[], str]) -> int | None:
    """The bucket's version; None where no worker has said one.

    Raises StoreUnavailableError, which needs the operator where this token may not read.
    """
    with closing(InfluxQuery(bucket, read_token, _ANSWER_S)) as query:
        found = [row[1] for _, _, rows in query.ask(_QUESTION) for row in rows]
    return max((int(version) for version in found if isinstance(version, int | float)), default=None)


def refuse_newer(bucket: Bucket, version: int | None) -> None:
    """Raises StoreUnavailableError for the version of a bucket that a newer program writes to."""
    if version is not None and version > SCHEMA_VERSION:
        message = (
            f"bucket {bucket.name} of InfluxDB {bucket.url} has schema version {version}, this program knows up to "
            f"{SCHEMA_VERSION}; use a newer chargeline, or another bucket"
        )
        raise StoreUnavailableError(message, needs_operator=True)


class GuardedStore:
    """A bucket that is written to once its version is known to be none newer than ours; see Store."""

    def __init__(self, store: Store, bucket: Bucket, read_token: Callable[[], str]) -> None:
        """Nothing is asked before the first row; closing `store` is the caller's."""
        self._store = store
        self._bucket = bucket
        self._read_token = read_token
        self._is_known = False
        self._told = ""

    @property
    def requests(self) -> int:
        """See Store."""
        return self._store.requests

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """See Store. Where this token may only write, nobody can tell, and rows are written."""
        if not self._is_known and rows:
            self._look()
        try:
            return self._store.write(rows)
        except StoreUnavailableError:
            # Whatever ends the trouble, another token or another server, the bucket may be another one then.
            self._is_known = False
            raise

    def reload(self) -> None:
        """See Store."""
        self._store.reload()

    def close(self) -> None:
        """See Store."""
        self._store.close()

    def _look(self) -> None:
        try:
            version = read_version(self._bucket, self._read_token)
        except StoreUnavailableError as fault:
            if not fault.needs_operator:
                raise
            self._tell(str(fault))
            version = None
        else:
            self._told = ""
        refuse_newer(self._bucket, version)
        self._is_known = True

    def _tell(self, why: str) -> None:
        """Once: while there is trouble the bucket is looked at before each try."""
        if why != self._told:
            _LOG.info("the bucket's schema version is not known, which is no fault: %s", why)
            self._told = why
