"""Known shapes: observations whose body differs from an earlier one in Timestamp and Value only.

Owns a shortcut for the bulk of a stream. A device's bodies for one id are the same bytes up to the text of
`Timestamp`; once such a body was read in full and found usual, its like need no reading but of those two members.
A shape is learnt only from what the full reading accepted, and whatever is not exactly in a known shape is left
to the full reading: the result is always the same, and the tests hold it so.
Must not hold a rule of its own: neither a reason to refuse nor a surprise is ever decided here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import orjson

from pipeline.core.body import MAX_BYTES
from pipeline.core.decode_observation import Plan
from pipeline.core.members import AHEAD_OF_ARRIVAL, UTC_ENDINGS
from pipeline.core.routing_key import Kind
from pipeline.core.same_stamp import value_crc
from pipeline.core.timestamps import EARLIEST, END, NS_PER_S, TimeReader, is_plausible
from schemas.delivery import Delivery
from schemas.observation import Observation, Product, Value

_USUAL = re.compile(rb'(\{.*?"Timestamp"\s*:\s*")([0-9T:.+Z-]{20,40})("\s*,\s*"Value"\s*:\s*).*\}', re.DOTALL)
_STAMP = re.compile(rb"[0-9T:.+Z-]{20,40}")
_CLOSING_BRACE = ord("}")
_UTC_ENDINGS = tuple(ending.encode() for ending in UTC_ENDINGS)
_OBSERVATIONS = f"{Kind.OBSERVATION}."
_new = tuple.__new__
"""Builds a record at half the cost of calling its class; the tests hold the result equal to the full reading's."""


class _Shape(NamedTuple):
    """A usual body without the two texts that change, the places of these, and what of its plan is needed.

    `head` ends where the text of Timestamp begins; `middle` stands between it and the text of Value.
    """

    head: bytes
    stamp_start: int
    stamp_end: int
    middle: bytes
    value_start: int
    product: Product
    id: int
    name: str
    native: Mapping[type, Callable[..., Value]]
    is_number: bool
    is_kept_apart: bool


class KnownShapes:
    """Reads the usual observations of a batch, and learns from those that were read in full.

    All memory is bounded: the newest few shapes for each id, which chargers and Equalizers share; serials and stamps up
    to a fixed number.
    """

    _SERIALS_KEPT = 262_144
    _STAMPS_KEPT = 4_096
    _SHAPES_KEPT = 4
    _LONGEST_SHAPE = 2_048

    def __init__(self, plans: Mapping[tuple[int, str | None], Plan], times: TimeReader) -> None:
        """Know no shape yet. `plans` by id and name, where the two belong to one product only."""
        self._plans = plans
        self._times = times
        self._serials: set[str] = set()
        self._stamps: dict[bytes, int] = {}
        self._shapes: dict[str, tuple[_Shape, ...]] = {}
        """By what stands behind the serial in a routing key."""

    def read(self, deliveries: Sequence[Delivery]) -> list[Observation | None]:
        """For each delivery its observation where its shape is known, or None: then it is to be read in full."""
        read_time, loads = self._times.read, orjson.loads
        serials, stamps, shapes = self._serials, self._stamps, self._shapes
        observations: list[Observation | None] = []
        append = observations.append
        for routing_key, headers, body, received_at, _ in deliveries:
            try:
                serial, _, place = routing_key.partition(".")
                for shape in shapes[place]:
                    if body.startswith(shape[0]):
                        break
                else:
                    append(None)
                    continue
                _, start, end, middle, value_start, product, number, name, native, is_number, is_apart = shape
                stamp = body[start:end]
                observed_at = stamps.get(stamp) or self._read_stamp(stamp)
                arrival = headers["ArrivalTime"]
                if (
                    observed_at is None
                    or serial not in serials
                    or body[end:value_start] != middle
                    or body[-1] != _CLOSING_BRACE
                    or len(body) > MAX_BYTES
                    or type(arrival) is not str
                ):
                    append(None)
                    continue
                arrived_at = read_time(arrival)
                raw = loads(body[value_start:-1])
                value = native[type(raw)](raw)
            except (KeyError, ValueError):
                append(None)
                continue
            if (
                (is_number and type(value) is not float)
                or arrived_at is None
                or not EARLIEST <= arrived_at < END
                or observed_at > arrived_at + AHEAD_OF_ARRIVAL
            ):
                append(None)
                continue
            crc = value_crc(raw) if is_apart and not observed_at % NS_PER_S else 0
            append(_new(Observation, (serial, product, number, name, value, crc, observed_at, arrived_at, received_at)))
        return observations

    def learn(self, delivery: Delivery, observation: Observation) -> None:
        """Remember the shape of a delivery that was read in full to `observation`, where it is a usual one."""
        plan = self._plans.get((observation.id, observation.name))
        if plan is None or plan.is_private:
            return
        match = _USUAL.fullmatch(delivery.body)
        serial, _, place = delivery.routing_key.partition(".")
        if match is None or "." in place.removeprefix(_OBSERVATIONS) or not match[2].endswith(_UTC_ENDINGS):
            return
        if match.end(3) - match.start() > self._LONGEST_SHAPE:
            return
        shape = _Shape(
            head=match[1],
            stamp_start=match.start(2),
            stamp_end=match.end(2),
            middle=match[3],
            value_start=match.end(3),
            product=plan.product,
            id=plan.spec.id,
            name=plan.spec.name,
            native=plan.native,
            is_number=plan.is_number,
            is_kept_apart=plan.is_kept_apart,
        )
        known = self._shapes.get(place, ())
        if shape not in known:
            if not _is_usual(delivery.body, match):
                return
            self._shapes[place] = (shape, *known)[: self._SHAPES_KEPT]
        if len(self._serials) >= self._SERIALS_KEPT:
            self._serials.clear()
        self._serials.add(serial)

    def _read_stamp(self, stamp: bytes) -> int | None:
        """A plausible time in UTC as Easee writes it, remembered; None for anything else."""
        if _STAMP.fullmatch(stamp) is None or not stamp.endswith(_UTC_ENDINGS):
            return None
        time = self._times.read(stamp.decode())
        if time is None or not is_plausible(time):
            return None
        if len(self._stamps) >= self._STAMPS_KEPT:
            self._stamps.clear()
        self._stamps[stamp] = time
        return time


def _is_usual(body: bytes, match: re.Match[bytes]) -> bool:
    """True where the body without the two texts is JSON that differs from it in these two members only."""
    try:
        blank = orjson.loads(match[1] + b"0" + match[3] + b"0}")
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if members["Timestamp"] != match[2].decode() or type(members["Id"]) is not int or "SerialNumber" in members:
        return False
    if any(isinstance(member, dict | list) for name, member in members.items() if name != "Value"):
        return False
    return bool(blank == {**members, "Timestamp": "0", "Value": 0})
