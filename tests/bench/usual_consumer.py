"""What a competent engineer writes in an afternoon from the libraries' own guides: the contender of `run_cost`.

aio-pika's robust connection and queue iterator, one acknowledgement a message, `json.loads`, one `Point` a message,
influxdb-client's batching write API. Its rows have the names of our catalogue, so that both write the same.

What it loses, by construction:

- A message is acknowledged when its point is in the client's buffer, not when it is stored: a crash loses up to a
  second of rows, and an outage of InfluxDB that outlasts the client's retries loses everything read meanwhile.
- Rows that InfluxDB refuses are dropped with a line in the log, and so are their neighbours in the batch.
- The 7th digit of a time stamp, since `datetime` ends at microseconds. Two values of one device, id and second
  overwrite each other.
- Anything that is not as documented ends it: it checks nothing, and keeps no rejects.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, Self

import aio_pika
from influxdb_client.client import influxdb_client as untyped_client
from influxdb_client.client import write_api as untyped_write
from influxdb_client.client.write import point as untyped_point

from schemas.catalogue import ObservationSpec, shipped_catalogue
from schemas.measurement import COMMAND_RESPONSE
from schemas.observation import Product

PREFETCH = 5_000
BATCH = 5_000
FLUSH_MS = 1_000


class PointLike(Protocol):
    """What is used of influxdb-client's Point, which has no types."""

    def tag(self, key: str, value: str) -> Self: ...
    def field(self, field: str, value: float | str) -> Self: ...
    def time(self, time: datetime) -> Self: ...


class WriteApi(Protocol):
    """What is used of its batching writer."""

    def write(self, bucket: str, *, record: PointLike) -> object: ...
    def close(self) -> None: ...


class Client(Protocol):
    """What is used of its client."""

    def write_api(self, *, write_options: object) -> WriteApi: ...
    def close(self) -> None: ...


Point: Callable[[str], PointLike] = untyped_point.Point
InfluxDBClient: Callable[..., Client] = untyped_client.InfluxDBClient
WriteOptions: Callable[..., object] = untyped_write.WriteOptions


def point_of(routing_key: str, body: bytes) -> PointLike:
    """The point of one message."""
    serial, kind, number = routing_key.split(".")
    message = json.loads(body)
    if kind == "CR":
        point = Point(COMMAND_RESPONSE).tag("charger", serial).tag("command", CATALOGUE.command_name(int(number)))
        point.field("command_id", float(number)).field("accepted", float(message["WasAccepted"]))
    else:
        product = Product.EQUALIZER if serial.startswith("Q") else Product.CHARGER
        spec = CATALOGUE.observations[product, int(number)]
        point = Point(spec.measurement).tag("charger", serial)
        point.field(spec.field, value_of(spec, message["Value"]))
    return point.time(datetime.fromisoformat(message["Timestamp"]))


def value_of(spec: ObservationSpec, value: object) -> float | str:
    """A value as its type in the catalogue has it."""
    if not spec.type.is_text and isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, str) else json.dumps(value)


CATALOGUE = shipped_catalogue()


async def consume(write_api: WriteApi, bucket: str) -> None:
    """Consume until somebody cancels."""
    connection = await aio_pika.connect_robust(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=PREFETCH)
        queue = await channel.get_queue(os.environ["AMQP_QUEUE"])
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process():
                    write_api.write(bucket, record=point_of(message.routing_key or "", message.body))


async def main() -> None:
    """Consume until SIGTERM."""
    client = InfluxDBClient(os.environ["INFLUX_URL"], os.environ["INFLUX_TOKEN"], org=os.environ["INFLUX_ORG"])
    write_api = client.write_api(write_options=WriteOptions(batch_size=BATCH, flush_interval=FLUSH_MS))
    work = asyncio.create_task(consume(write_api, os.environ["INFLUX_BUCKET"]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        pass
    finally:
        write_api.close()
        client.close()


if __name__ == "__main__":
    asyncio.run(main())
