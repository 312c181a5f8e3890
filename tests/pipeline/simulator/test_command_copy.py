"""Copies of commands: the core reads in them what was sent."""

import orjson
import pytest

from pipeline.core.command_ref import command_ref
from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.simulator.command_copy import copy_of
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.quirks import Quirks
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandSent

PUBLISHED = 1_683_219_323 * NS_PER_S + 630_519_900
COMMAND = CommandSent("EH1", 48, (Argument(1, "16"), Argument(2, "5")), None, PUBLISHED, "their-id", None)


def test_a_copy_has_the_form_of_the_command_and_says_when_it_was_published() -> None:
    copy = copy_of(COMMAND)

    assert copy.routing_key == "EH1.C.48"
    assert copy.headers == {"PublishedAt": "2023-05-04T16:55:23.6305199Z"}
    assert orjson.loads(copy.body) == {"Id": 48, "Arguments": [{"Id": 1, "Value": "16"}, {"Id": 2, "Value": "5"}]}
    assert (copy.received_at, copy.message_id) == (PUBLISHED, "their-id")


@pytest.mark.parametrize("expires_at", [None, PUBLISHED + 30 * NS_PER_S])
def test_the_core_reads_what_was_sent(expires_at: int | None) -> None:
    command = COMMAND._replace(expires_at=expires_at)

    [read] = Decoder(shipped_catalogue(), Redaction(Personal.KEEP, b"")).decode([copy_of(command)]).outcomes

    assert read == command._replace(ref=command_ref("EH1", 48, b"their-id"), received_at=PUBLISHED)


def test_no_copy_of_a_fleets_commands_is_refused_or_like_another() -> None:
    fleet = Fleet(FleetPlan(chargers=20, commands_an_hour=20.0), Quirks.hard())
    stream = fleet.advance_with_commands(fleet.plan.start + 3_600 * NS_PER_S)
    commands = [item for item in stream if isinstance(item, CommandSent)]

    read = Decoder(shipped_catalogue(), Redaction(Personal.KEEP, b"")).decode(list(map(copy_of, commands))).outcomes

    assert len(commands) > 100
    assert [type(outcome) for outcome in read] == [CommandSent] * len(commands)
    assert len({outcome.ref for outcome in read if isinstance(outcome, CommandSent)}) == len(commands)
