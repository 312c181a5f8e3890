"""The check: what a worker, or a role, with these settings would meet, each thing tried once, nothing changed.

Owns which steps there are, their order, and that a step is skipped where an earlier one has failed. Must not know how
a step looks, or how a finding is shown. Each step waits some ten seconds at most for what does not answer.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from pipeline.check_broker import (
    look_at_backlog,
    look_at_bridges_backlog,
    look_at_broker,
    look_at_commands,
    look_at_copies,
    look_at_sending,
    look_at_user,
)
from pipeline.check_folder import (
    look_at_disk,
    look_at_fleet,
    look_at_folder,
    look_at_http,
    look_at_rejects,
    look_at_roles_http,
)
from pipeline.check_kafka import look_at_following, look_at_kafka, look_at_topics
from pipeline.check_step import Finding, Ground, Look, Result, Step, split_words
from pipeline.check_store import (
    look_at_bridges_clock,
    look_at_bucket,
    look_at_clock,
    look_at_keeping,
    look_at_schema,
    look_at_sole_folder,
    look_at_store,
)
from pipeline.secret import UnreadableSecretError
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings, SettingsError

SETTINGS = "settings"
ALL = "all"
"""The role of a worker that does all of it."""

STEPS = (
    Step("data_dir", (), look_at_folder),
    Step("disk", ("data_dir",), look_at_disk),
    Step("rejects", ("data_dir",), look_at_rejects),
    Step("fleet", (), look_at_fleet),
    Step("broker", (), look_at_broker),
    Step("login", ("broker",), look_at_user),
    Step("queue", ("login",), look_at_backlog),
    Step("exchange", ("login",), look_at_commands),
    Step("copies", (), look_at_copies),
    Step("sending", (), look_at_sending),
    Step("store", (), look_at_store),
    Step("bucket", ("store",), look_at_bucket),
    Step("schema", ("bucket",), look_at_schema),
    Step("retention", ("bucket",), look_at_keeping),
    Step("clock", ("store",), look_at_clock),
    Step("http", (), look_at_http),
)
"""Every step but the settings themselves, in the order in which they are tried."""

_KAFKA = (Step("kafka", (), look_at_kafka), Step("topics", ("kafka",), look_at_topics))
_ROLES_HTTP = Step("http", (), look_at_roles_http)

STEPS_OF: Mapping[str, tuple[Step, ...]] = MappingProxyType(
    {
        ALL: STEPS,
        "bridge": (
            Step("broker", (), look_at_broker),
            Step("login", ("broker",), look_at_user),
            Step("queue", ("login",), look_at_bridges_backlog),
            Step("copies", (), look_at_copies),
            *_KAFKA,
            Step("clock", (), look_at_bridges_clock),
            _ROLES_HTTP,
        ),
        "track": (*_KAFKA, Step("following", ("kafka",), look_at_following), _ROLES_HTTP),
        "write": (
            Step("data_dir", (), look_at_sole_folder),
            Step("fleet", (), look_at_fleet),
            *_KAFKA,
            Step("store", (), look_at_store),
            Step("bucket", ("store",), look_at_bucket),
            Step("schema", ("bucket",), look_at_schema),
            Step("retention", ("bucket",), look_at_keeping),
            Step("clock", ("store",), look_at_clock),
            _ROLES_HTTP,
        ),
    }
)
"""The same by role: each has what it needs, and nothing of what only others need."""


def check(settings: Settings, read_clock: Callable[[], int], role: str = ALL) -> Iterator[Finding]:
    """Try every step of a role, one after the other, and tell of each as it ends; those that do not apply are left out.

    `read_clock` gives our clock, nanoseconds since the epoch.
    """
    yield from _findings_of_settings(settings)
    ground = Ground(settings, read_clock)
    without: set[str] = set()
    for step in STEPS_OF[role]:
        missing = [name for name in step.needs if name in without]
        look = _skip(step, missing[0]) if missing else _try(step, ground)
        if look is None:
            continue
        if missing or look.result is Result.FAILED:
            without.add(step.name)
        yield Finding(step.name, *look)


def findings_of_wrong_settings(error: SettingsError, role: str = ALL) -> Iterator[Finding]:
    """Each fault of settings that cannot be used; then nothing else can be tried."""
    for fault in error.faults:
        yield Finding(SETTINGS, Result.FAILED, SETTINGS, fault, "the README describes every setting")
    for step in STEPS_OF[role]:
        yield Finding(step.name, *_skip(step, SETTINGS))


def _findings_of_settings(settings: Settings) -> Iterator[Finding]:
    count = sum(source != "default" for source in settings.sources.values())
    found = f"{count} of {len(SPECS)} are set, and each can be used"
    yield Finding(SETTINGS, Result.OK, SETTINGS, found)
    for warning in settings.warnings:
        yield Finding(SETTINGS, Result.WARNING, SETTINGS, *split_words(warning))


def _try(step: Step, ground: Ground) -> Look | None:
    try:
        return step.look(ground)
    except (UnreadableSecretError, ValueError) as fault:
        return Look(Result.FAILED, step.name, *split_words(str(fault)))
    except OSError as fault:
        found = f"{fault.filename}: {fault.strerror}" if fault.filename else str(fault)
        return Look(Result.FAILED, step.name, found, "see that it is there, and that this user may use it")


def _skip(step: Step, missing: str) -> Look:
    return Look(Result.SKIPPED, step.name, f"not tried, because of: {missing}")
