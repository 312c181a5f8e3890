"""`chargeline topics`: the topics of a scale-out on Kafka.

Owns what is told of them, and how it ends. Must not know how topics are made.
"""

from typing import TYPE_CHECKING

import click
import orjson

from pipeline.cli.options import WrongSettingsError, json_option, with_settings
from pipeline.cli.printing import print_table
from pipeline.deferred import deferred
from pipeline.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pipeline import cluster
    from pipeline.wires import kafka_fault, kafka_topics
else:
    # Completion needs none of these.
    cluster = deferred("pipeline.cluster")
    kafka_fault = deferred("pipeline.wires.kafka_fault")
    kafka_topics = deferred("pipeline.wires.kafka_topics")


@click.group(epilog="Example: chargeline topics create")
def command() -> None:
    """Make the topics of a scale-out on Kafka."""


@command.command("create", epilog="Example: chargeline topics create --env-file /etc/chargeline.env")
@json_option
@with_settings
def create_topics(settings: Settings, *, as_json: bool) -> None:
    """Make the topics that the roles bridge, track and write need, and see that those there are right.

    Run it before the first role, and again after a change of KAFKA_RETENTION: what is right already stays as it is. The
    number of partitions is fixed once the topics are made. Of n copies, n - 1 must have a record before it counts as
    durable, so one broker may be away.
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
