"""What the chargers say, as the oracle reads it."""

from collections import Counter

from tests.oracle.reading import Oracle, RejectedError
from tests.torture.folder import Message, from_line, to_line
from tests.torture.messages import CONFLICT_ID, SIZES, Chargers, S, stamp

NOW = 1_795_890_734 * S
REASONS = {"too_large", "encoding", "json", "shape", "identity", "timestamp", "clock", "kind", "routing_key"}


def test_each_message_is_one_of_a_kind_and_most_are_rows() -> None:
    said = [each for step in range(100) for each in Chargers(step, 50).say(NOW + step * S, 300)]
    oracle, reasons = Oracle(), Counter[str]()
    for key, arrival, body in said:
        try:
            row = oracle.read(key, {} if arrival is None else {"ArrivalTime": arrival}, body)
            assert row is not None
            reasons[f"o{CONFLICT_ID}" if f"o{CONFLICT_ID}" in row[1] else "row"] += 1
        except RejectedError as rejected:
            reasons[str(rejected)] += 1
    assert reasons.keys() == {*REASONS, "row", f"o{CONFLICT_ID}"}
    assert reasons["row"] > 0.9 * len(said)


def test_each_charger_counts_what_it_says() -> None:
    chargers = Chargers(1, 3)
    said = [each for step in range(50) for each in chargers.say(NOW + step * S, 100)]
    counted = [each for each in said if each.routing_key.endswith(".O.120") and b'"Value":0}' not in each.body]
    counted = [each for each in counted if b"null" not in each.body]
    assert len(counted) > 1_000
    assert max(Counter(counted).values()) == 1


def test_the_same_dice_say_the_same() -> None:
    assert Chargers(1, 20).say(NOW, 500) == Chargers(1, 20).say(NOW, 500)


def test_a_body_has_just_the_length_of_each_boundary() -> None:
    chargers = Chargers(1, 1)
    lengths = [len(said.body) for _ in SIZES for said in chargers.size(chargers.serials[0], NOW)]
    frames = [131_063, 131_064, 131_065, 262_127, 262_128, 262_129]
    limits = [65_535, 65_536, 65_537, 262_143, 262_144, 262_145, 462_144]
    assert sorted(lengths) == sorted([*frames, *limits])


def test_a_long_text_is_a_row_whole() -> None:
    chargers, oracle = Chargers(1, 1), Oracle()
    found: set[tuple[str, int]] = set()
    for _ in range(10):
        for key, arrival, body in chargers.long_text(chargers.serials[0], NOW):
            read = oracle.read(key, {"ArrivalTime": arrival}, body)
            assert read is not None
            ((name, text),) = read[1].items()
            assert isinstance(text, str)
            found.add((name, len(text)))
    lengths = (65_535, 65_536, 65_537, 249_000, 250_000)
    assert found == {(name, length) for name in ("o60001_text", "total_power_kw_text") for length in lengths}


def test_a_line_of_the_journal_gives_the_message_back() -> None:
    for place, said in enumerate(Chargers(1, 20).say(NOW, 2_000)):
        message = Message(place, NOW, *said)
        assert from_line(to_line(message)) == message


def test_a_stamp_has_seven_digits() -> None:
    assert stamp(1_686_207_556 * S + 123_456_789) == "2023-06-08T06:59:16.1234567Z"
