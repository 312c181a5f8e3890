"""Rules for services of docker-compose.yml, each a function from a resolved service to what is wrong with it.

Owns the rules. Must not know how the file is read.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from pipeline.setting_specs import SPECS
from tests.compose.resolved import Node, node_of

Rule = Callable[[Mapping[str, Node]], Iterator[str]]

OURS = "chargeline:"
_PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*")
_DRAIN_S = 10
_ROLES_AT_LEAST = 2
_SETTINGS = {name for spec in SPECS.values() for name in (spec.variable, spec.file_variable)}
_SECRET_SETTINGS = {spec.variable for spec in SPECS.values() if spec.is_secret} - {"CHARGELINE_AMQP_URL"}
_SECRET_WORDS = re.compile(r"TOKEN|PASSWORD|SECRET|_KEY")


def image_is_pinned(service: Mapping[str, Node]) -> Iterator[str]:
    """By a whole version."""
    image = str(service.get("image"))
    if not _PINNED.fullmatch(image):
        yield f"image {image} is not pinned"


def ports_are_loopback(service: Mapping[str, Node]) -> Iterator[str]:
    """Nobody but this machine reaches a published port."""
    for port in _items(service.get("ports")):
        if node_of(port, "host_ip") != "127.0.0.1":
            yield f"port {node_of(port, 'published')} is published to others"


def has_a_health_check(service: Mapping[str, Node]) -> Iterator[str]:
    """So that others, and `up --wait`, wait for it; but for what ends by itself, and the fleet, which nobody can ask.

    One that is switched off makes `up --wait` fail: it takes it for one that never becomes healthy.
    """
    runs_once, is_fleet = service.get("restart") == "no", "simulate" in _items(service.get("command"))
    if service.get("healthcheck") is None and not (runs_once or is_fleet):
        yield "has no health check"
    if node_of(service, "healthcheck", "disable"):
        yield "switches its health check off"


def log_is_rotated(service: Mapping[str, Node]) -> Iterator[str]:
    """A chatty service fills no disk."""
    if not (node_of(service, "logging", "options", "max-size") and node_of(service, "logging", "options", "max-file")):
        yield "its log grows without end"


def gains_no_rights(service: Mapping[str, Node]) -> Iterator[str]:
    """No program in it becomes more than it was."""
    if "no-new-privileges:true" not in _items(service.get("security_opt")):
        yield "may gain rights"


def comes_back(service: Mapping[str, Node]) -> Iterator[str]:
    """After a crash and a restart of the machine, but for what runs once, which says so."""
    if service.get("restart") not in ("unless-stopped", "no"):
        yield "does not say whether it comes back"


def mounts_only_to_read(service: Mapping[str, Node]) -> Iterator[str]:
    """Files of the tree are not written to; data is in volumes with names."""
    for mount in _items(service.get("volumes")):
        if node_of(mount, "type") == "bind" and node_of(mount, "read_only") is not True:
            yield f"may write to {node_of(mount, 'source')}"
        if node_of(mount, "type") == "volume" and not node_of(mount, "source"):
            yield f"volume at {node_of(mount, 'target')} has no name"


def has_no_secret_in_sight(service: Mapping[str, Node]) -> Iterator[str]:
    """Secrets come in files, or from .env: the file itself has none."""
    environment = node_of(service, "environment")
    for name, value in environment.items() if isinstance(environment, Mapping) else ():
        is_file = str(value).startswith("/")
        if value and not is_file and (name in _SECRET_SETTINGS or _SECRET_WORDS.search(name)):
            yield f"{name} is a secret in plain sight"


def waits_for_health(service: Mapping[str, Node]) -> Iterator[str]:
    """For others until they work, or have done their work; not just until they have begun."""
    needed = node_of(service, "depends_on")
    for name in needed if isinstance(needed, Mapping) else ():
        if node_of(needed, name, "condition") not in ("service_healthy", "service_completed_successfully"):
            yield f"begins before {name} is ready"


def ours_is_confined(service: Mapping[str, Node]) -> Iterator[str]:
    """Our program runs without rights, on a tree that it cannot change. One that runs once may hand out files."""
    if not str(service.get("image")).startswith(OURS):
        return
    runs_once = service.get("restart") == "no"
    if service.get("user") != "10001:10001" and not (runs_once and service.get("user") == "0:0"):
        yield f"runs as {service.get('user')}"
    if service.get("read_only") is not True or "/tmp" not in _items(service.get("tmpfs")):
        yield "can change its own files, or has no place for short-lived ones"
    if _items(service.get("cap_drop")) != ["ALL"]:
        yield "keeps capabilities"
    if set(map(str, _items(service.get("cap_add")))) - ({"CHOWN", "DAC_OVERRIDE"} if runs_once else set()):
        yield "adds capabilities"


def settings_exist(service: Mapping[str, Node]) -> Iterator[str]:
    """Every variable of ours is a setting."""
    environment = node_of(service, "environment")
    for name in environment if isinstance(environment, Mapping) else ():
        if name.startswith("CHARGELINE_") and name not in _SETTINGS:
            yield f"{name} is no setting"


def worker_may_drain(service: Mapping[str, Node]) -> Iterator[str]:
    """A worker has longer than it takes to finish what is at hand."""
    is_worker = node_of(service, "environment", "CHARGELINE_HTTP") is not None
    if is_worker and _seconds(str(service.get("stop_grace_period", "0s"))) <= _DRAIN_S:
        yield "is killed before it has finished"


def roles_are_several(service: Mapping[str, Node]) -> Iterator[str]:
    """Two of each role, so that one may end; so none of them has a port of this machine."""
    if _role(service) is None:
        return
    replicas = node_of(service, "deploy", "replicas")
    if not isinstance(replicas, int) or replicas < _ROLES_AT_LEAST:
        yield f"is there {replicas} times"
    if _items(service.get("ports")):
        yield "publishes a port, which only one of them can have"


def roles_wait_for_topics(service: Mapping[str, Node]) -> Iterator[str]:
    """Nothing of a role works before its topics are there."""
    if _role(service) and node_of(service, "depends_on", "topics", "condition") != "service_completed_successfully":
        yield "begins before there are topics"


def bridges_share_the_queue(service: Mapping[str, Node]) -> Iterator[str]:
    """Otherwise one takes all, and the other stands by."""
    if _role(service) == "bridge" and node_of(service, "environment", "CHARGELINE_AMQP_SHARE") != "on":
        yield "keeps the queue to itself"


def kafka_makes_no_topic_itself(service: Mapping[str, Node]) -> Iterator[str]:
    """It would have other partitions, and other settings, than it must."""
    makes_topics = node_of(service, "environment", "KAFKA_AUTO_CREATE_TOPICS_ENABLE") != "false"
    if "kafka" in str(service.get("image")) and makes_topics:
        yield "makes topics that nobody asked for"


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            image_is_pinned,
            ports_are_loopback,
            has_a_health_check,
            log_is_rotated,
            gains_no_rights,
            comes_back,
            mounts_only_to_read,
            has_no_secret_in_sight,
            waits_for_health,
            ours_is_confined,
            settings_exist,
            worker_may_drain,
            roles_are_several,
            roles_wait_for_topics,
            bridges_share_the_queue,
            kafka_makes_no_topic_itself,
        )
    }
)


def _role(service: Mapping[str, Node]) -> Node:
    """Which role of a scale-out it is; None for anything else."""
    words = _items(service.get("command"))
    return words[words.index("--role") + 1] if "--role" in words else None


def _items(node: Node) -> Sequence[Node]:
    return [] if node is None or isinstance(node, str | int | float | Mapping) else list(node)


def _seconds(duration: str) -> int:
    found = re.fullmatch(r"(?:(\d+)m)?(?:(\d+)s)?", duration)
    return 0 if found is None else int(found[1] or 0) * 60 + int(found[2] or 0)
