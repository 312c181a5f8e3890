"""The board of the running worker, on a real terminal beside a real broker: what it shows is what is stored."""

from pathlib import Path
from time import time_ns

import pytest

from pipeline.simulator.command_copy import copy_of
from schemas.command import Argument, CommandSent
from tests.campaigns.stage import QUEUE, Stage, simulate
from tests.pipeline.cli.demo_runs import environment
from tests.pipeline.cli.terminal import CHARGELINE, CTRL_C, OnTerminal
from tests.services.fill_queue import fill_queues
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

COPIES = "commands"


async def test_messages_and_a_command_that_nobody_answers_are_seen(
    rabbitmq: RabbitMq, vhost: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    stream = simulate(500, 3, seed=1)
    now = time_ns()
    command = CommandSent("EH000001", 48, (Argument(1, "13"), Argument(2, "5")), None, now - now % 100, "m", None)
    await fill_queues(rabbitmq.url(vhost=vhost), [COPIES], [copy_of(command)])
    await fill_queues(rabbitmq.url(vhost=vhost), [QUEUE], stream.deliveries)
    settings = stage.settings(COMMAND_QUEUE=COPIES, COMMAND_TIMEOUT="2s", HTTP="off")
    given = {f"CHARGELINE_{name}": value for name, value in settings.items()}

    with OnTerminal(tmp_path, [*CHARGELINE, "run", "--board"], environment(**given)) as running:
        running.read_until("delivered  501 ")
        running.read_until("timed out 1 ")
        running.read_until("! EH000001 command_timeout")
        running.press(CTRL_C)
        finished = running.finish()

    assert finished.code == 130
    with OnTerminal(tmp_path, [*CHARGELINE, "run", "--board"], environment(**given)) as again:
        # Nothing happens any more: the alert was raised before this one began.
        again.read_until("! EH000001 command_timeout")
        again.press(CTRL_C)
        assert again.finish().code == 130
    assert stage.faults(stream) == []
