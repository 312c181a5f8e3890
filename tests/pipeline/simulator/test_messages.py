"""Messages by the book: the documented ones, to the letter of their members."""

import orjson

from pipeline.simulator.messages import format_stamp, observation, response
from schemas.catalogue import shipped_catalogue
from schemas.observation import Product

SECOND = 10**9
OBSERVED = 1_686_207_556 * SECOND  # 2023-06-08T06:59:16Z


def test_an_observation_is_written_as_documented() -> None:
    spec = shipped_catalogue().observations[Product.CHARGER, 48]
    draft = observation("EH000281", spec, 13, OBSERVED, OBSERVED + 1_013_456_789)
    assert draft.routing_key == "EH000281.O.48"
    assert draft.headers == {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}
    members = orjson.loads(draft.body)
    assert members.pop("Description").endswith("[Double]")
    assert members == {
        "Id": 48,
        "Name": "DynamicChargerCurrent",
        "Timestamp": "2023-06-08T06:59:16.0000000+00:00",
        "Value": 13,
    }


def test_a_response_is_written_as_documented() -> None:
    created = OBSERVED + 646_893_000
    draft = response("EH000281", 48, created, OBSERVED + 766_000_000, OBSERVED + SECOND, accepted=True)
    assert draft.routing_key == "EH000281.CR.48"
    assert orjson.loads(draft.body) == {
        "Comment": None,
        "DeliveredAt": "2023-06-08T06:59:16.7660000Z",
        "Id": 48,
        "ResultCode": None,
        "SerialNumber": "EH000281",
        "Ticks": 638218043566468930,
        "Timestamp": "2023-06-08T06:59:16.6468930Z",
        "WasAccepted": True,
    }


def test_the_seventh_digit_is_cut_never_rounded() -> None:
    assert format_stamp(OBSERVED + 999_999_999, "Z") == "2023-06-08T06:59:16.9999999Z"
