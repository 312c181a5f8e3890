"""The writer that the settings ask for, put together; and `chargeline run --role write`.

Owns which parts a writer has. Must not know how any of them works.
"""

import logging
import os
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import version

from pipeline.assembly import bucket_of, describe_store, open_store
from pipeline.cluster import kafka_options
from pipeline.core.partition import Partitions
from pipeline.core.rows import RowMaker
from pipeline.core.timestamps import NS_PER_S
from pipeline.meters import Meters
from pipeline.scale.kafka_ready import ready_options
from pipeline.scale.role_service import serve_role
from pipeline.scale.write import WritePatience, Writer, WriterParts
from pipeline.scale.write_batch import TOPICS, MessageReader
from pipeline.scale.write_rejects import RejectSender
from pipeline.scale.write_role import RolePatience, WriteRole
from pipeline.self_metrics import SelfMetrics
from pipeline.settings import Settings
from pipeline.wires.folder_lock import lock_folder
from pipeline.wires.kafka_consumer import SESSION_MS, Assignments, KafkaConsumer
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.private_file import make_private_folder
from pipeline.wires.store import Store
from schemas.catalogue import shipped_catalogue

_LOG = logging.getLogger(__name__)

GROUP = "chargeline.write"
"""The consumer group of all writers."""


def serve_write(settings: Settings, environ: Mapping[str, str]) -> int:
    """Be a writer until a signal ends it; the signal's number.

    Any number of writers share a bucket. SQLite is for one alone, whose DATA_DIR is locked.
    Raises SettingsError, UnreadableSecretError, FolderLockedError, ForeignFileError, StoreUnavailableError and OSError
    for what keeps it from starting, each with words. Once started it does not give up: a Kafka or a store that is away
    is waited for.
    """
    kafka_options(settings)
    with ExitStack() as parts:
        if bucket_of(settings) is None:
            make_private_folder(settings.data_dir)
            parts.enter_context(lock_folder(settings.data_dir))
            _LOG.info("SQLite is for one writer alone; for more set CHARGELINE_INFLUX_URL and its like")
        store = parts.enter_context(open_store(settings))
        _LOG.info("rows go to %s", describe_store(settings))
        return serve_role(settings, environ, lambda meters: make_write(settings, store, meters))


def make_write(
    settings: Settings,
    store: Store,
    meters: Meters,
    patience: WritePatience | None = None,
    role_patience: RolePatience | None = None,
    session_ms: int = SESSION_MS,
) -> WriteRole:
    """A writer that has done nothing yet. To be made where its loop runs; closing the store is the caller's."""
    client_id = f"chargeline-{version('chargeline')}-{socket.gethostname()}-{os.getpid()}"

    def begin(listener: Assignments) -> KafkaConsumer:
        return KafkaConsumer(ready_options(settings), client_id, GROUP, TOPICS, listener, session_ms)

    def begin_rejects() -> KafkaProducer:
        return KafkaProducer(ready_options(settings), client_id)

    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
    parts = WriterParts(
        begin=begin,
        reader=MessageReader(RowMaker(shipped_catalogue())),
        store=store,
        rejects=RejectSender(begin_rejects, Partitions(settings.kafka_partitions)),
        thread=thread,
        most=settings.batch,
        age_s=settings.batch_age / NS_PER_S,
    )
    metrics = SelfMetrics(meters, socket.gethostname())
    return WriteRole(Writer(parts, patience), store, thread, meters, metrics, role_patience)
