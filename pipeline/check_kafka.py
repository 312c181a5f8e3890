"""The check of Kafka: whether it lets us in, and whether topics and logins are as a role needs them.

Owns these steps and what to do about what they find. Must not know their order, or how anybody connects. Nothing is
made, read or sent. What this user may read and write is not asked: Kafka tells that only to whoever tries.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.check_step import Ground, Look, Result, split_words
from pipeline.cluster import MISSING, kafka_options, topic_plan
from pipeline.deferred import deferred
from pipeline.settings import Settings, SettingsError

if TYPE_CHECKING:
    from pipeline.wires import faust_options, kafka_fault, kafka_topics
else:
    # The client libraries are of an extra, which most do not install.
    faust_options = deferred("pipeline.wires.faust_options")
    kafka_fault = deferred("pipeline.wires.kafka_fault")
    kafka_topics = deferred("pipeline.wires.kafka_topics")

_ANSWER_S = 4.0
_MATTERS_LITTLE = frozenset({"retention.ms", "message.timestamp.type", "segment.bytes", "min.cleanable.dirty.ratio"})
"""Settings of a topic on which nothing rests but how long something is kept, or what it costs."""
_CREATE = "chargeline topics create"
_BROKERS, _CONFIG_FILE = "CHARGELINE_KAFKA_BROKERS", "CHARGELINE_KAFKA_CONFIG_FILE"
_IN_SYNC = "CHARGELINE_KAFKA_MIN_IN_SYNC"


def look_at_kafka(ground: Ground) -> Look:
    """That the settings name a Kafka, that it answers, and that it lets us in."""
    settings = ground.settings
    try:
        options = kafka_options(settings)
    except SettingsError as fault:
        faults = [split_words(each) for each in fault.faults]
        steps = [step for _, step in faults if step]
        todo = "; ".join(steps) or "see the README: On several machines"
        return Look(Result.FAILED, "Kafka", "; ".join(words for words, _ in faults), todo)
    tried = f"Kafka {options['bootstrap.servers']}"
    try:
        brokers = _keeper(settings).brokers()
    except ImportError:
        return Look(Result.FAILED, tried, *split_words(MISSING))
    except kafka_fault.KafkaUnavailableError as fault:
        found, todo = split_words(str(fault).removeprefix("Kafka: "))
        return Look(Result.FAILED, tried, found, todo or f"see {_BROKERS}, and security.protocol in {_CONFIG_FILE}")
    user, protocol = options.get("sasl.username"), options.get("security.protocol", "plaintext").lower()
    login = "" if user is None else f", and lets {user} in"
    found = f"answers, {brokers} broker{'s' * (brokers != 1)}{login}"
    if protocol.endswith("ssl"):
        return Look(Result.OK, tried, found)
    todo = f"messages can be read on the way: set security.protocol in {_CONFIG_FILE}, unless that way is yours alone"
    return Look(Result.WARNING, tried, f"{found}, without TLS", todo)


def look_at_topics(ground: Ground) -> Look:
    """That every topic is there, with the right number of partitions, and with settings under which nothing is lost."""
    settings, tried = ground.settings, "topics"
    plan = topic_plan(settings)
    try:
        keeper = _keeper(settings)
        found = keeper.partitions()
    except kafka_fault.KafkaUnavailableError as fault:
        return Look(Result.FAILED, tried, *split_words(str(fault)))
    missing = [name for name in kafka_topics.TOPICS if name not in found]
    if missing:
        return Look(Result.FAILED, tried, f"Kafka has no {', '.join(missing)}", f"make them: {_CREATE}")
    try:
        kafka_topics.refuse_other_partitions(found, plan.partitions)
    except kafka_topics.TopicsRefusedError as refused:
        faults = [split_words(each) for each in refused.faults]
        return Look(Result.FAILED, tried, "; ".join(words.partition(":")[0] for words, _ in faults), faults[0][1])
    try:
        return judge_settings(keeper.look(plan), plan)
    except kafka_fault.KafkaUnavailableError as fault:
        if not fault.needs_operator:
            return Look(Result.FAILED, tried, *split_words(str(fault)))
        words = f"all {len(found)}, {plan.partitions} partitions each; this user may not see their settings, which a"
        return Look(Result.OK, tried, f"{words} role does not need either")


def look_at_following(ground: Ground) -> Look:
    """That the client of `track`, which is another library, can log in as the others do."""
    tried = "login of track"
    try:
        options = kafka_options(ground.settings)
        credentials = faust_options.broker_credentials(options)
    except ImportError:
        return Look(Result.FAILED, tried, *split_words(MISSING))
    except kafka_fault.KafkaUnavailableError as fault:
        return Look(Result.FAILED, tried, *split_words(str(fault)))
    how = "needs none" if credentials is None else f"can be as {_CONFIG_FILE} has it"
    return Look(Result.OK, tried, how)


def judge_settings(found: "Mapping[str, kafka_topics.TopicLook]", plan: "kafka_topics.TopicPlan") -> Look:
    """What is to be said of topics that are there, with the right number of partitions, beside the plan."""
    tried, copies = "topics", min(look.replication for look in found.values())
    differing = {
        f"{name}: {key} is {has}, and should be {planned}": key
        for name, look in found.items()
        for key, (has, planned) in look.differing.items()
    }
    grave = [words for words, key in differing.items() if key not in _MATTERS_LITTLE]
    add = (
        f"CHARGELINE_KAFKA_REPLICATION is {plan.replication}: add copies with kafka-reassign-partitions, or change "
        "the setting"
    )
    if grave:
        # As long as there are fewer copies than must have a record, none could be written.
        todo = f"{add}; then {_CREATE}" if copies < plan.in_sync else f"{_CREATE} sets it right"
        return Look(Result.FAILED, tried, "; ".join(grave), f"records could be lost: {todo}")
    words = f"all {len(found)}, {plan.partitions} partitions each, {copies} cop{'y' if copies == 1 else 'ies'}"
    if copies < plan.in_sync:
        return Look(Result.FAILED, tried, f"{words}, and {plan.in_sync} must have a record: none can be written", add)
    if copies < plan.replication:
        return Look(Result.WARNING, tried, words, add)
    if differing:
        return Look(Result.WARNING, tried, f"{words}; {'; '.join(differing)}", f"{_CREATE} sets it right")
    if copies > 1:
        words = f"{words}, of which {plan.in_sync} must have a record before it counts"
    weakness = _weakness(copies, plan.in_sync)
    return Look(Result.WARNING if weakness else Result.OK, tried, words, weakness)


def _weakness(copies: int, in_sync: int) -> str:
    """What so many copies do not withstand, and what does; nothing where any broker may be gone."""
    if copies == 1:
        return "a broker that is gone takes records with it: for more than a trial, three brokers and three copies"
    if in_sync == 1:
        return f"a broker that is gone can take records with it that no other had: set {_IN_SYNC} to 2"
    if in_sync >= copies:
        return "while a broker is away messages wait, and none is lost: to go on without it, add a broker and a copy"
    return ""


def _keeper(settings: Settings) -> "kafka_topics.TopicKeeper":
    return kafka_topics.TopicKeeper(kafka_options(settings), _ANSWER_S)
