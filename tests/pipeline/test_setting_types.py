"""The types of settings: what each takes, what it refuses, and that a refusal repeats nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import setting_types as types
from pipeline.setting_types import NS_PER_S, Address, Retention
from pipeline.wires.state import WhenFull

DAY = 86_400 * NS_PER_S
URL = "amqps://user:p%40ss@host:5671/vhost"

Parser = Callable[[str], object]

TAKEN: list[tuple[Parser, str, object]] = [
    (types.text, "Ålesund Lading AS", "Ålesund Lading AS"),
    (types.name, "Operator_7.Q", "Operator_7.Q"),
    (types.token, "abc==", "abc=="),
    (types.key, "k" * 32, "k" * 32),
    (types.path, "data/x", Path("data/x")),
    (types.flag, "on", True),
    (types.flag, "off", False),
    (types.number(1, 65_535), "1", 1),
    (types.number(1, 65_535), "65535", 65_535),
    (types.choice(WhenFull), "drop-oldest", WhenFull.DROP_OLDEST),
    (types.duration, "100ms", 100_000_000),
    (types.duration, "60s", 60 * NS_PER_S),
    (types.duration, "20min", 1_200 * NS_PER_S),
    (types.duration, "6h", DAY // 4),
    (types.duration, "30d", 30 * DAY),
    (types.duration, "36500d", 36_500 * DAY),
    (types.size, "1B", 1),
    (types.size, "64KiB", 64 * 2**10),
    (types.size, "512MiB", 512 * 2**20),
    (types.size, "1GiB", 2**30),
    (types.size, "1 TiB", 2**40),
    (types.rate, "100/min", 100),
    (types.retention, "raw:forever,hour:forever", Retention(None, None)),
    (types.retention, "hour:36500d,raw:90d", Retention(90 * DAY, 36_500 * DAY)),
    (types.address, "off", None),
    (types.address, "127.0.0.1:8090", Address("127.0.0.1", 8090)),
    (types.address, "[::1]:65535", Address("::1", 65_535)),
    (types.addresses, "kafka1:9092", (Address("kafka1", 9092),)),
    (types.addresses, "kafka1:9092,kafka2:9093", (Address("kafka1", 9092), Address("kafka2", 9093))),
    (types.amqp_url, URL, URL),
    (types.amqp_url, "amqp://u:p@[::1]/%2F", "amqp://u:p@[::1]/%2F"),
    (types.http_url, "http://db:8086/", "http://db:8086"),
    (types.http_url, "https://db/influx", "https://db/influx"),
    (types.webhook, "https://u:p@host/hook?token=x", "https://u:p@host/hook?token=x"),
    (types.bucket, "charging", "charging"),
]

REFUSED: list[tuple[Parser, tuple[str, ...], str]] = [
    (types.text, (" a", "a\n", "a\tb", "\x1b[31m", "\udcff"), "text without control characters"),
    (types.name, ("x" * 256, "å" * 128), "at most 255 bytes"),
    (types.token, ("a b", "a\n", "ü", "\udcff"), "a token"),
    (types.key, ("k" * 31, "k" * 32 + "\n", "\udcff" * 32), "32 printable characters"),
    (types.path, ("a\0b", "~no-such-user-anywhere/x"), "a path"),
    (types.flag, ("ON", "true", "1", " on"), "on or off"),
    (types.number(1, 65_535), ("0", "65536", "-1", "1.0", "1e3", "1_0", " 1", "\u0661", "9" * 400), "from 1 to 65535"),
    (types.choice(WhenFull), ("drop", "Stop", ""), "one of stop, drop-oldest"),
    (types.duration, ("0s", "1", "s", "-1s", "1.5h", "1m", "1S", "1min30s", "36501d", "\u0661s"), "a duration like"),
    (types.size, ("0GiB", "1", "1GB", "1gib", "-1B", "1048577TiB"), "a size like"),
    (types.rate, ("100", "0/min", "100/s", "1e2/min", "-1/min"), "a rate like"),
    (
        types.retention,
        ("raw:1d", "raw:1d,raw:1d", "raw:1d,hour:2d,raw:1d", "raw:1d,hour:0s", "raw,hour", "raw:1d,day:1d"),
        "raw:90d,hour:forever",
    ),
    (
        types.address,
        ("8090", ":8090", "host:", "host:0", "host:65536", "::1:80", "[h]:80", "a b:80", "h:80\n", "OFF"),
        "off, or an address",
    ),
    (types.addresses, ("", "kafka1", "kafka1:9092,", "kafka1:9092 kafka2:9092", "off"), "kafka1:9092,kafka2:9092"),
    (types.amqp_url, ("host", "http://u:p@h", "amqps://", "amqps://u:p@", "amqps://u:p@[h"), "a URL like amqps://"),
    (
        types.amqp_url,
        ("amqps://u:p@h:0", "amqps://u:p@h:x", "amqps://u:p@h,i", "amqps://u:p\u00e4@h"),
        "a URL like amqps",
    ),
    (
        types.amqp_url,
        ("amqps://u:p@h\n", "amqps://u:p@h\t/v", " amqps://u:p@h", "amqps://u:p@h i/"),
        "a URL like amqps",
    ),
    (types.amqp_url, ("amqps://h/v", "amqps://u@h/v", "amqps://:p@h/v", "amqps://u:@h/v"), "with user and password"),
    (
        types.amqp_url,
        (f"{URL}?no_verify_ssl=false", f"{URL}?heartbeat=60", f"{URL}?", f"{URL}#x"),
        "without options.* TLS",
    ),
    (types.http_url, ("db:8086", "ftp://db", "http://", "http://h:99999", "http://h\n"), "a URL like https://"),
    (types.http_url, ("http://u:p@db", "http://u@db", "http://@db", "http://db?x=1"), "without user, password"),
    (types.webhook, ("host/hook", "amqp://host"), "a URL like https://"),
    (types.bucket, ("db/rp", "/"), "without a slash"),
]

EVERY_PARSER = tuple(dict.fromkeys(parser for parser, _, _ in TAKEN))


@pytest.mark.parametrize(("parser", "value", "parsed"), TAKEN)
def test_taken(parser: Parser, value: str, parsed: object) -> None:
    assert parser(value) == parsed


@pytest.mark.parametrize(
    ("parser", "value", "allowed"), [(parser, value, words) for parser, values, words in REFUSED for value in values]
)
def test_refused(parser: Parser, value: str, allowed: str) -> None:
    with pytest.raises(ValueError, match=allowed):
        parser(value)


def test_home_folder_is_meant_by_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/operator")
    assert types.path("~/data") == Path("/srv/operator/data")


def refusal_of(parser: Parser, value: str) -> str:
    try:
        parser(value)
    except ValueError as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize("parser", EVERY_PARSER)
@given(
    value=st.text(min_size=1) | st.sampled_from([value for _, value, _ in TAKEN]).flatmap(st.permutations).map("".join)
)
def test_any_text_is_a_value_or_refused_without_being_repeated(parser: Parser, value: str) -> None:
    refusal_of(parser, value)
    assert "s3cret" not in refusal_of(parser, f"s3cret{value}")
    assert "s3cret" not in refusal_of(parser, f"{value}s3cret")
