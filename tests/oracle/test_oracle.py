"""The oracle's own expectations, each worked out by hand from the documents."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.oracle.reading import Oracle, RejectedError, read_key
from tests.oracle.stores import difference, rows_of_line_protocol, rows_of_sqlite
from tests.oracle.times import nanoseconds, of_header
from tests.oracle.values import depth, keep_boolean, keep_double, keep_integer

ORACLE = Oracle()
ARRIVAL = {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}
# `date -u -d 2023-06-08T06:59:16Z +%s` says 1686207556. The arrival's 1,686,207,557,013 ms modulo 1,000,000 are
# 557,013, so a whole-second stamp that is kept apart moves by 557,013,000 ns and the crc32 of the value modulo 1,000.
STAMP = 1_686_207_556 * 10**9
MOVED = STAMP + 557_013_000


def observed(number: int, name: str, value: Any, serial: str = "EH000281", **members: Any) -> Any:
    body = {"Id": number, "Name": name, "Timestamp": "2023-06-08T06:59:16.0000000+00:00", "Value": value, **members}
    return ORACLE.read(f"{serial}.O.{number}", ARRIVAL, orjson.dumps(body))


@pytest.mark.parametrize(
    ("row", "measurement", "time", "fields"),
    [
        # By `python3 -c "import zlib; print(zlib.crc32(b'13'))"`: 13 945058907, "13" 803017690, true 4261170317.
        (observed(48, "DynamicChargerCurrent", 13), "charger_limit", MOVED + 907, {"dynamic_charger_current_a": 13.0}),
        (
            observed(48, "DynamicChargerCurrent", "13"),
            "charger_limit",
            MOVED + 690,
            {"dynamic_charger_current_a": 13.0},
        ),
        (observed(31, "IsEnabled", True), "charger_config", MOVED + 317, {"is_enabled": 1.0}),
        (observed(31, "CurrentL1", 8.5), "equalizer_power", STAMP, {"current_l1_a": 8.5}),
        (observed(31, "CurrentL1", "much"), "equalizer_power", STAMP, {"current_l1_a_text": "much"}),
        (observed(122, "EnergyPerHour", 1.5), "charger_energy", STAMP, {"energy_per_hour_kwh": 1.5}),
        (observed(122, "EnergyPerHour", None), "charger_energy", STAMP, {"energy_per_hour_kwh_text": "null"}),
    ],
)
def test_observations(row: Any, measurement: str, time: int, fields: dict[str, Any]) -> None:
    serial = "EH000281"
    assert row == ((measurement, serial, (), time), fields)


def test_an_equalizer_is_known_by_its_serial_where_the_name_does_not_tell() -> None:
    assert observed(31, "", 8.5, serial="QP000001")[0][0] == "equalizer_power"
    assert observed(250, "ConnectedToCloud", True, serial="QP000001")[0][0] == "equalizer_link"
    assert observed(109, "", 3, serial="QP000001")[0][0] == "equalizer_other"


def test_personal_values() -> None:
    assert observed(128, "UserIDToken", "04AB")[1] == {"user_token": "present"}
    assert observed(129, "ChargingSession", '{"Id": 1, "Auth": "x"}')[1] == {
        "charging_session": '{"Id":1,"Auth":"present"}'
    }


def test_the_documented_response() -> None:
    body = {
        "Comment": None,
        "DeliveredAt": "2023-06-08T06:59:16.7660000Z",
        "Id": 48,
        "ResultCode": None,
        "SerialNumber": "EH000281",
        "Ticks": 638218043566469000,
        "Timestamp": "2023-06-08T06:59:16.6468930Z",
        "WasAccepted": True,
    }
    # 766.0000 - 646.8930 = 119.107 ms; 1013.0000 - 646.8930 = 366.107 ms.
    assert ORACLE.read("EH000281.CR.48", ARRIVAL, orjson.dumps(body)) == (
        ("command_response", "EH000281", (("command", "SetDynamicChargerCurrent"),), STAMP + 646_893_000),
        {
            "command_id": 48.0,
            "accepted": 1.0,
            "delivery_ms": 119.107,
            "response_ms": 366.107,
            "ticks": "638218043566469000",
        },
    )


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        ("EH000281.O", b"{}", "routing_key"),
        ("EH000281.OP", b"{}", "kind"),
        ("EH000281.SYS.5", b"{}", "kind"),
        ("EH000281.O.48", b"x" * 262_145, "too_large"),
        ("EH000281.O.48", b"[" * 33, "too_large"),
        ("EH000281.O.48", b"\xff", "encoding"),
        ("EH000281.O.48", b"{", "json"),
        ("EH000281.O.48", b"[]", "shape"),
        ("EH000281.O.48", b'{"Id":48,"Timestamp":"","Value":1}', "timestamp"),
        ("EH000281.O.48", b'{"Id":47,"Timestamp":"","Value":1}', "identity"),
        ("EH000281.O.48", b'{"Id":48,"Timestamp":"2023-06-09T06:59:18Z","Value":1}', "clock"),
    ],
)
def test_reasons(key: str, body: bytes, reason: str) -> None:
    with pytest.raises(RejectedError, match=re.escape(reason)):
        ORACLE.read(key, ARRIVAL, body)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2023-06-08T06:59:16.9999999Z", STAMP + 999_999_900),
        ("2023-06-08T08:59:16+02:00", STAMP),
        ("2023-06-08T01:29:16-0530", STAMP),
        ("2023-06-08 06:59", STAMP - 16 * 10**9),
        ("2023-02-29T00:00:00Z", None),
        ("2023-06-08T06:59:60Z", None),
    ],
)
def test_times(text: str, time: int | None) -> None:
    assert nanoseconds(text) == time


def test_a_header_of_year_1_is_no_arrival() -> None:
    assert of_header("0001-01-01T00:00:00Z") is None
    assert of_header(b"2023-06-08T06:59:16Z") == STAMP


def test_values() -> None:
    assert [keep_double(value) for value in (" 1e3 ", "1e999", True)] == [
        ("number", 1000.0),
        ("text", "1e999"),
        ("number", 1.0),
    ]
    assert [keep_integer(value) for value in (3.0, 3.5)] == [("number", 3.0), ("text", "3.5")]
    assert [keep_boolean(value) for value in ("FALSE", 2)] == [("number", 0.0), ("text", "2")]
    assert depth(b'{"a":"[[[","b":[{}]}') == 3
    assert read_key("EH000281.CR.48.99") == ("EH000281", "CR", 48)


def test_a_later_message_replaces_fields_of_the_same_row() -> None:
    lines = [
        orjson.dumps(
            {
                "routing_key": f"EH000281.O.{number}",
                "headers": ARRIVAL,
                "body": f'{{"Id":{number},"Timestamp":"2023-06-08T06:59:16Z","Value":{value}}}',
            }
        )
        for number, value in ((22, 1), (23, 2), (22, 3))
    ]
    reading = ORACLE.read_stream([*lines, b"no line"])
    assert reading.rows == {
        ("charger_limit", "EH000281", (), STAMP): {"circuit_max_current_p1_a": 3.0, "circuit_max_current_p2_a": 2.0}
    }
    assert (reading.written, reading.rejects, reading.reasons) == (3, [(3, "routing_key")], {"routing_key": 1})


def test_line_protocol_is_read_with_its_escapes() -> None:
    text = 'm,charger=EH1,site=a\\ b\\,c x=1.5,y="q\\"\\\\, \nz" 7\nm,charger=EH1,site=a\\ b\\,c x=2 7\n'
    assert rows_of_line_protocol(text) == {("m", "EH1", (("site", "a b,c"),), 7): {"x": 2.0, "y": 'q"\\, \nz'}}


def test_a_sqlite_store_is_read(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x")
    connection.execute(
        "CREATE TABLE m (time INTEGER, charger TEXT, site TEXT, command TEXT, x REAL, y TEXT, "
        "PRIMARY KEY (time, charger, site, command)) WITHOUT ROWID"
    )
    connection.execute("INSERT INTO m VALUES (7, 'EH1', '', 'Reboot', 1.5, NULL)")
    connection.commit()
    connection.close()
    assert rows_of_sqlite(tmp_path / "x") == {("m", "EH1", (("command", "Reboot"),), 7): {"x": 1.5}}


def test_a_difference_is_told() -> None:
    key, other = ("m", "EH1", (), 1), ("m", "EH1", (), 2)
    assert difference({key: {"x": 1.0}}, {key: {"x": 1.0}}) == []
    told = difference({key: {"x": 1.0}, other: {"x": 1.0}}, {key: {"x": 2.0}, ("n", "EH1", (), 1): {"x": 1.0}})
    assert [line.split()[0] for line in told] == ["different", "missing", "extra"]
