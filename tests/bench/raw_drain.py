"""The limit of `run_cost`: a bare socket that takes deliveries and acknowledges them, and looks at nothing.

It counts deliveries by the bytes of their method, in whatever is received, and acknowledges some thousand at a time.
So it does what no consumer can do without, and no more: whoever reads messages cannot be faster than this.
"""

import os
import signal
import socket
import sys
from types import FrameType
from urllib.parse import unquote, urlsplit

import pamqp.frame
from pamqp import commands
from pamqp.base import Frame

PREFETCH = 15_000
AT_ONCE = 5_000
CHUNK = 1 << 18
SMALL = 1 << 14
DELIVER = b"\x00\x3c\x00\x3c"
"""A body of the bench never holds these bytes: it is JSON."""


class Line:
    """One connection, one channel."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 5672))
        self._received = b""
        self.socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.read()
        login = f"\0{unquote(parts.username or '')}\0{unquote(parts.password or '')}"
        self.send(commands.Connection.StartOk({}, "PLAIN", login, "en_US"), 0)
        tune = self.read()
        if not isinstance(tune, commands.Connection.Tune):
            raise ConnectionError(f"not tuned: {tune}")
        self.send(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 60), 0)
        self.send(commands.Connection.Open(unquote(parts.path[1:]) or "/"), 0)
        self.read()
        self.send(commands.Channel.Open())
        self.read()

    def send(self, frame: Frame, channel: int = 1) -> None:
        self.socket.sendall(pamqp.frame.marshal(frame, channel))

    def read(self) -> object:
        """The next frame: only before deliveries come."""
        while True:
            _, _, size = pamqp.frame.frame_parts(self._received)
            length = (size or 0) + 8
            if len(self._received) >= length > 8:
                frame, self._received = self._received[:length], self._received[length:]
                return pamqp.frame.unmarshal(frame)[2]
            more = self.socket.recv(CHUNK)
            if not more:
                raise ConnectionError("the broker closed the connection")
            self._received += more

    def rest(self) -> bytes:
        """What came behind the last frame that was read."""
        return self._received


def drain(line: Line, queue: str) -> None:
    """Take and acknowledge, until the process is ended."""
    line.send(commands.Basic.Qos(0, PREFETCH, False))
    line.read()
    line.send(commands.Basic.Consume(queue=queue))
    line.read()
    count = acknowledged = 0
    data = line.rest()
    while True:
        count += data.count(DELIVER)
        is_small = len(data) < SMALL
        if count > acknowledged and (is_small or count - acknowledged >= AT_ONCE):
            acknowledged = count
            line.send(commands.Basic.Ack(count, True))
        received = line.socket.recv(CHUNK)
        if not received:
            return
        data = data[1 - len(DELIVER) :] + received


def end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end)
    drain(Line(os.environ["AMQP_URL"]), os.environ["AMQP_QUEUE"])
