"""`chargeline topics`: the topics of a scale-out on Kafka, and what they are given to begin with.

Owns what is told of them, and how it ends. Must not know how topics are made, or what is brought to them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson

from pipeline.backup_manifest import BackupError
from pipeline.cli.options import WrongSettingsError, json_option, with_settings
from pipeline.cli.printing import print_table
from pipeline.cli.step_bar import showing_steps
from pipeline.core.timestamps import format_time
from pipeline.deferred import deferred
from pipeline.settings import Settings, SettingsError
from pipeline.wires.folder_lock import FolderLockedError
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.store import StoreUnavailableError

if TYPE_CHECKING:
    from pipeline import cluster, state_import
    from pipeline.wires import kafka_fault, kafka_topics
else:
    # Completion needs none of these.
    cluster = deferred("pipeline.cluster")
    kafka_fault = deferred("pipeline.wires.kafka_fault")
    kafka_topics = deferred("pipeline.wires.kafka_topics")
    state_import = deferred("pipeline.state_import")

_TROUBLE = (BackupError, FolderLockedError, ForeignFileError, StoreUnavailableError)
_EXAMPLE = """\b
Examples:
  chargeline topics import /var/lib/chargeline
  chargeline topics import backups/2026-01-31"""


@click.group(epilog="Example: chargeline topics create")
def command() -> None:
    """Make the topics of a scale-out on Kafka, and bring a worker's state to them."""


@command.command("create", epilog="Example: chargeline topics create --env-file /etc/chargeline.env")
@json_option
@with_settings
def create_topics(settings: Settings, *, as_json: bool) -> None:
    """Make the topics that the roles bridge, track and write need, and see that those there are right.

    Run it before the first role, and again after a change of KAFKA_RETENTION or KAFKA_MIN_IN_SYNC: what is right stays
    as it is. The number of partitions is fixed once the topics are made. Of three copies two must have a record before
    it counts as durable, so one broker may be away.
    """
    try:
        options = cluster.kafka_options(settings)
        plan = cluster.topic_plan(settings)
    except SettingsError as error:
        raise WrongSettingsError(error) from None
    except ImportError:
        raise click.ClickException(cluster.MISSING) from None
    try:
        reports = kafka_topics.TopicKeeper(options).create(plan)
    except kafka_topics.TopicsRefusedError as refused:
        raise click.ClickException("\n".join(refused.faults)) from None
    except kafka_fault.KafkaUnavailableError as fault:
        raise click.ClickException(str(fault)) from None
    if as_json:
        click.echo(orjson.dumps([report._asdict() for report in reports], option=orjson.OPT_INDENT_2))
    else:
        print_table(("topic", "", "words"), [(report.topic, report.did, report.words) for report in reports])


@command.command("import", epilog=_EXAMPLE)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--replace",
    "is_replacing",
    is_flag=True,
    help="Drop what role `track` knows already. It then reads its topic from the beginning once more.",
)
@json_option
@with_settings
def import_into_topics(settings: Settings, folder: Path, *, is_replacing: bool, as_json: bool) -> None:
    """Bring the state of a single worker to the role `track`, which goes on from there.

    DIR is the DATA_DIR of a worker that has ended, or a backup of it. Make the topics first, and start no `track`
    before this is done. Commands without an answer, sessions under way, hours, and who was heard when are then known;
    rows and rejects stay where they are. DIR is left as it is.
    """
    try:
        cluster.kafka_options(settings)
    except SettingsError as error:
        raise WrongSettingsError(error) from None
    try:
        with showing_steps() as tell:
            imported = state_import.import_state(folder, settings, is_replacing=is_replacing, tell=tell)
    except ImportError:
        raise click.ClickException(cluster.MISSING) from None
    except (state_import.ImportRefusedError, kafka_fault.KafkaUnavailableError, *_TROUBLE) as fault:
        raise click.ClickException(str(fault)) from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename or folder}: {fault.strerror}") from None
    if as_json:
        entry = {**imported._asdict(), "watermark": format_time(imported.watermark)}
        click.echo(orjson.dumps(entry, option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join(_lines(imported, folder)))


def _lines(imported: "state_import.Imported", folder: Path) -> Iterator[str]:
    """What was done, in words."""
    if imported.dropped:
        yield f"Dropped {imported.dropped:,} entries that stood there."
    yield (
        f"Brought {imported.entries:,} entries of {imported.devices:,} devices to {imported.partitions} partitions, as "
        f"everything was known up to {format_time(imported.watermark)[:19]}Z."
    )
    yield "Start the role track now: it goes on from there. Start no worker on this folder any more."
    if imported.rejects:
        count = "1 reject stays" if imported.rejects == 1 else f"{imported.rejects:,} rejects stay"
        yield f"{count} in {folder}: CHARGELINE_DATA_DIR={folder} chargeline rejects list"
    if imported.raised:
        yield f"Raised in the store, and cleared by nobody any more: {', '.join(imported.raised)}."
