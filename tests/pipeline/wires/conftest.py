"""What the tests of wires share."""

import pytest

from pipeline.broker import LINES
from pipeline.setting_specs import AmqpReader
from tests.pipeline.wires.queue_reading import Reading
from tests.services.rabbitmq import RabbitMq


@pytest.fixture(params=AmqpReader)
def reading(request: pytest.FixtureRequest, rabbitmq: RabbitMq, vhost: str) -> Reading:
    """Each reader in its turn, in a virtual host of the test's own: they must do the same."""
    return Reading(LINES[request.param], rabbitmq.url(vhost=vhost))
