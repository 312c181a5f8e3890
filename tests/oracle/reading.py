"""The reading of one message, and of a stream: rows that must exist, and rejects with their reasons.

Each rule is written down in the order in which it applies, one message at a time, with nothing remembered.
"""

import base64
import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.oracle.times import BEYOND, FIRST, nanoseconds, of_header, sound
from tests.oracle.values import KEEP, Redactor, as_number, compact, depth, keep_boolean, keep_integer, keep_unknown

TABLES = Path(__file__).parents[2] / "schemas"
DAY = 24 * 3600 * 10**9

RowKey = tuple[str, str, tuple[tuple[str, str], ...], int]
"""Measurement, charger, other tags, time."""
Fields = dict[str, float | str]


class RejectedError(Exception):
    """The message is rejected; the first argument is the reason."""


@dataclass
class Reading:
    """What a stream must leave behind."""

    rows: dict[RowKey, Fields] = field(default_factory=dict)
    rejects: list[tuple[int, str]] = field(default_factory=list)
    written: int = 0
    commands: int = 0

    @property
    def reasons(self) -> Counter[str]:
        return Counter(reason for _, reason in self.rejects)


def read_table(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


class Oracle:
    """Reads by the tables as they are on the disk."""

    def __init__(self, personal: str = "drop", personal_key: bytes = b"") -> None:
        self.observations = {(line["product"], int(line["id"])): line for line in read_table("observations.csv")}
        self.commands = {int(line["id"]): line["name"] for line in read_table("commands.csv")}
        self.redactor = Redactor(personal, personal_key)

    def read_stream(self, lines: Iterable[bytes]) -> Reading:
        """Lines of a recording, in order; a later message replaces fields of an earlier one's row."""
        reading = Reading()
        for place, line in enumerate(lines):
            try:
                outcome = self.read_line(line)
            except RejectedError as rejected:
                reading.rejects.append((place, str(rejected)))
                continue
            if outcome is None:
                reading.commands += 1
                continue
            key, fields = outcome
            reading.rows.setdefault(key, {}).update(fields)
            reading.written += 1
        return reading

    def read_line(self, line: bytes) -> tuple[RowKey, Fields] | None:
        try:
            members = orjson.loads(line)
            routing_key, headers = members["routing_key"], members["headers"]
            body = (
                members["body"].encode() if "body_base64" not in members else base64.b64decode(members["body_base64"])
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RejectedError("routing_key") from None
        return self.read(routing_key, headers, body)

    def read(self, routing_key: str, headers: Mapping[str, Any], body: bytes) -> tuple[RowKey, Fields] | None:
        """The row of one message, None for a command. Raises RejectedError with the reason."""
        serial, kind, number = read_key(routing_key)
        members = read_body(body)
        arrival = headers.get("ArrivalTime")
        inner_name = {"O": "Observation", "CR": "CommandResponse"}.get(kind)
        claimed = None
        if inner_name and "Id" not in members and inner_name in members:
            if arrival is None:
                arrival = members.get("ArrivalTime")
            claimed = members.get("RoutingKey")
            members = members[inner_name]
            if not isinstance(members, dict):
                raise RejectedError("shape")
        arrived = of_header(arrival)
        self.check_members(kind, members)
        self.check_identity((serial, kind, number), members, claimed)
        if kind == "C":
            published = of_header_any(headers.get("PublishedAt"))
            check_clock(arrived if published is None else published, arrived)
            return None
        stamp = check_clock(nanoseconds(members["Timestamp"]), arrived)
        row = self.response_row if kind == "CR" else self.observation_row
        return row(serial, number, members, stamp, arrived)

    def check_members(self, kind: str, members: Mapping[str, Any]) -> None:
        wanted = {"O": ("Timestamp", "Value"), "CR": ("Timestamp", "WasAccepted"), "C": ("Arguments",)}[kind]
        if any(name not in members for name in ("Id", *wanted)):
            raise RejectedError("shape")
        if "Timestamp" in wanted and not isinstance(members["Timestamp"], str):
            raise RejectedError("shape")
        body_number(members["Id"])
        if kind == "CR" and (members["WasAccepted"] is None or keep_boolean(members["WasAccepted"])[0] != "number"):
            raise RejectedError("shape")
        if kind == "C":
            if not isinstance(members["Arguments"], list):
                raise RejectedError("shape")
            for argument in members["Arguments"]:
                if not isinstance(argument, dict) or "Id" not in argument:
                    raise RejectedError("shape")
                body_number(argument["Id"])
                if not isinstance(argument.get("Value"), (str, bool, int, float)):
                    raise RejectedError("shape")

    def check_identity(self, key: tuple[str, str, int], members: Mapping[str, Any], claimed: object) -> None:
        serial, _, number = key
        if body_number(members["Id"]) != number:
            raise RejectedError("identity")
        if isinstance(members.get("SerialNumber"), str) and members["SerialNumber"] != serial:
            raise RejectedError("identity")
        if isinstance(claimed, str):
            try:
                is_same = read_key(claimed) == key
            except RejectedError:
                is_same = False
            if not is_same:
                raise RejectedError("identity")

    def observation_row(
        self, serial: str, number: int, members: Mapping[str, Any], stamp: int, arrived: int | None
    ) -> tuple[RowKey, Fields]:
        name = members.get("Name")
        owners = [
            product
            for product in ("charger", "equalizer")
            if isinstance(name, str) and self.observations.get((product, number), {}).get("name") == name
        ]
        by_serial = "equalizer" if serial.startswith("QP") else "charger"
        product = owners[0] if len(owners) == 1 else by_serial
        value = members["Value"]
        line = self.observations.get((product, number))
        if line is None:
            measurement, name_of_number = f"{product}_other", f"o{number}"
            name_of_text, of_null, apart = f"o{number}_text", "null", True
            kept = ("text", of_null) if value is None else keep_unknown(value, members.get("Description"))
        else:
            measurement, name_of_number, apart = line["measurement"], line["field"], line["same_stamp"] == "keep"
            is_text = line["type"] in ("string", "position")
            name_of_text = line["field"] if is_text else line["field"] + "_text"
            of_null = "" if is_text else "null"
            keys = line["personal_keys"].split(";") if line["personal_keys"] else []
            value = self.redactor.value(value, line["personal"] == "yes", keys)
            kept = ("text", of_null) if value is None else KEEP[line["type"]](value)
        time = stamp
        if apart and stamp % 10**9 == 0:
            time += zlib.crc32(compact(value).encode()) % 1000
            if arrived is not None:
                time += (arrived // 10**6) % 10**6 * 1000
        field_name = name_of_number if kept[0] == "number" else name_of_text
        return (measurement, serial, (), time), {field_name: kept[1]}

    def response_row(
        self, serial: str, number: int, members: Mapping[str, Any], stamp: int, arrived: int | None
    ) -> tuple[RowKey, Fields]:
        fields: Fields = {"command_id": float(number), "accepted": float(keep_boolean(members["WasAccepted"])[1])}
        delivered = members.get("DeliveredAt")
        delivered = sound(nanoseconds(delivered)) if isinstance(delivered, str) else None
        if delivered is not None:
            fields["delivery_ms"] = (delivered - stamp) / 10**6
        if arrived is not None:
            fields["response_ms"] = (arrived - stamp) / 10**6
        ticks = members.get("Ticks")
        if isinstance(ticks, str):
            fields["ticks"] = ticks
        elif isinstance(ticks, (int, float)) and not isinstance(ticks, bool):
            fields["ticks"] = compact(ticks)
        code = members.get("ResultCode")
        if code is not None:
            kind, kept = keep_integer(code)
            fields["result_code" if kind == "number" else "result_code_text"] = kept
        comment = members.get("Comment")
        if comment is not None:
            fields["comment"] = comment if isinstance(comment, str) else compact(comment)
        name = self.commands.get(number, f"c{number}")
        return ("command_response", serial, (("command", name),), stamp), fields


def check_clock(stamp: int | None, arrived: int | None) -> int:
    if stamp is None:
        raise RejectedError("timestamp")
    if not FIRST <= stamp < BEYOND or (arrived is not None and stamp > arrived + DAY):
        raise RejectedError("clock")
    return stamp


def read_key(key: str) -> tuple[str, str, int]:
    parts = key.split(".")
    if len(parts) in (1, 2) and key.endswith("P"):
        raise RejectedError("kind")
    if len(parts) not in (3, 4):
        raise RejectedError("routing_key")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", parts[0]) or not re.fullmatch(r"[0-9]{1,5}", parts[2]):
        raise RejectedError("routing_key")
    if int(parts[2]) > 65535:
        raise RejectedError("routing_key")
    if parts[1] not in ("O", "CR", "C"):
        raise RejectedError("kind")
    return parts[0], parts[1], int(parts[2])


def read_body(body: bytes) -> dict[str, Any]:
    if len(body) > 256 * 1024 or depth(body) > 32:
        raise RejectedError("too_large")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise RejectedError("encoding") from None
    try:
        members = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise RejectedError("json") from None
    if not isinstance(members, dict):
        raise RejectedError("shape")
    return members


def body_number(value: Any) -> int:
    """The Id of a body: a whole number, also written as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value) and int(value) <= 65535:
        return int(value)
    number = None if isinstance(value, (bool, str)) else as_number(value)
    if number is None or number != int(number):
        raise RejectedError("shape")
    return int(value)


def of_header_any(value: object) -> int | None:
    """A time in a header, of whatever year."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return nanoseconds(value) if isinstance(value, str) else None
