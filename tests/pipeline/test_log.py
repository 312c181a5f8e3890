"""Log lines: one event, one line, whatever came off the wire, and no secret in it."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.log import LogFormat, LogLevel, escape, set_up_logging
from pipeline.secret import Secret, SecretFile

LOG = logging.getLogger("tests.log")
HOSTILE = "a\nb\r\x1b[31m\x00\x7f\x9b\u2028\u202e\ud800é"
PASSWORD = "hunter2"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("aio_pika", "aiokafka", "aiokafka.conn", "aiormq", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def start(line_format: LogFormat, *secrets: Secret, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    set_up_logging(level, line_format, stream, secrets)
    return stream


def entry(stream: io.StringIO) -> dict[str, object]:
    """The one event in the stream, which must be one line of JSON in ASCII."""
    (line,) = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    parsed = json.loads(line, parse_constant=pytest.fail)
    assert isinstance(parsed, dict)
    return parsed


def emit(stream_format: LogFormat, message: str, *secrets: Secret, **extra: object) -> io.StringIO:
    stream = start(stream_format, *secrets)
    LOG.info("%s", message, extra=extra)
    return stream


def test_a_line_of_json_has_time_level_logger_message_and_extras() -> None:
    stream = start(LogFormat.JSON)
    LOG.handle(
        logging.makeLogRecord(
            {
                "name": "x",
                "levelno": 30,
                "levelname": "WARNING",
                "msg": "%d left",
                "args": (3,),
                "created": 1.0625,
                "n": 7,
            }
        )
    )

    assert entry(stream) == {
        "time": "1970-01-01T00:00:01.062Z",
        "level": "warning",
        "logger": "x",
        "message": "3 left",
        "n": 7,
    }


def test_a_line_of_text_has_the_same_for_people() -> None:
    stream = start(LogFormat.TEXT)
    LOG.handle(
        logging.makeLogRecord(
            {
                "name": "x",
                "levelno": 30,
                "levelname": "WARNING",
                "msg": "%d left",
                "args": (3,),
                "created": 1.0625,
                "n": 7,
            }
        )
    )

    assert stream.getvalue() == "1970-01-01T00:00:01.062Z warning 3 left n=7\n"


def test_json_keeps_hostile_text_and_shows_nothing_of_it_raw() -> None:
    parsed = entry(emit(LogFormat.JSON, HOSTILE, extra=HOSTILE))
    assert parsed["message"] == parsed["extra"] == HOSTILE


def test_text_writes_hostile_text_out() -> None:
    (line,) = emit(LogFormat.TEXT, HOSTILE, extra=HOSTILE).getvalue().splitlines()

    assert line.isprintable()
    assert line.count(r"a\nb\r\x1b[31m\x00\x7f\x9b\u2028\u202e\ud800é") == 2


@given(
    text=st.text(st.characters(exclude_categories=[])),
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.binary()
        | st.text(st.characters(exclude_categories=[])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    ),
)
def test_whatever_is_logged_is_one_line(text: str, value: object) -> None:
    entry(emit(LogFormat.JSON, text, value=value))
    (line,) = emit(LogFormat.TEXT, text, value=value).getvalue().splitlines()
    assert line.isprintable()


def test_what_is_nested_without_end_is_cut() -> None:
    endless: list[object] = []
    endless.append(endless)

    assert entry(emit(LogFormat.JSON, "x", value=endless))["value"] == [[[[[[[["…"]]]]]]]]
    assert "…" in emit(LogFormat.TEXT, "x", value=endless).getvalue()


def test_an_extra_field_does_not_hide_one_of_ours() -> None:
    parsed = entry(emit(LogFormat.JSON, "x", level="loud", time=0))
    assert (parsed["level"], parsed["level_"], parsed["time_"]) == ("info", "loud", 0)


@pytest.mark.parametrize("line_format", [LogFormat.JSON, LogFormat.TEXT])
def test_a_stack_trace_belongs_to_its_event(line_format: LogFormat) -> None:
    stream = start(line_format, Secret(PASSWORD))
    try:
        raise ValueError(f"{PASSWORD}\n2026-01-01T00:00:00.000Z info forged\x1b[0m")
    except ValueError:
        LOG.exception("it failed", stack_info=True)

    assert PASSWORD not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    if line_format is LogFormat.JSON:
        assert "ValueError: ***" in str(entry(stream)["trace"])
    else:
        first, *others = stream.getvalue().splitlines()
        assert first.endswith("error   it failed")
        assert others
        assert all(line.startswith("  | ") for line in others)


@pytest.mark.parametrize("line_format", [LogFormat.JSON, LogFormat.TEXT])
def test_secrets_are_masked_wherever_they_stand(line_format: LogFormat) -> None:
    url = Secret(f"amqps://user:{PASSWORD}%25@host/v")
    texts = (f"as {PASSWORD}%25", f"as {PASSWORD}%", url.reveal())
    for text in texts:
        stream = emit(line_format, text, url, value={text: [text]}, octets=text.encode(), other=Path(text))
        assert PASSWORD not in stream.getvalue()
        assert stream.getvalue().count("***") == 5


def test_a_secret_that_changed_is_masked_as_it_was_and_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("before", "utf-8")
    secret = SecretFile(tmp_path / "token", str)
    stream = start(LogFormat.TEXT, secret)
    (tmp_path / "token").write_text("after!", "utf-8")
    secret.read()
    LOG.info("before and after!")

    assert stream.getvalue().endswith("*** and ***\n")


def test_a_secret_is_masked_whole_where_a_part_of_it_is_one_too() -> None:
    url = Secret(f"amqps://user:{PASSWORD}@host/v")
    assert emit(LogFormat.TEXT, f"to {url.reveal()}", url).getvalue().endswith("info    to ***\n")


def test_a_secret_of_three_letters_does_not_make_lines_unreadable() -> None:
    assert emit(LogFormat.TEXT, "latest", Secret("ate")).getvalue().endswith("latest\n")


@pytest.mark.parametrize(
    ("line_format", "stream", "is_json"),
    [
        (LogFormat.AUTO, Terminal(), False),
        (LogFormat.AUTO, io.StringIO(), True),
        (LogFormat.JSON, Terminal(), True),
        (LogFormat.TEXT, io.StringIO(), False),
    ],
)
def test_auto_is_text_on_a_terminal(line_format: LogFormat, stream: io.StringIO, is_json: bool) -> None:
    set_up_logging(LogLevel.INFO, line_format, stream)
    LOG.info("x")
    assert stream.getvalue().startswith("{") is is_json


@pytest.mark.parametrize("level", LogLevel)
def test_only_events_of_the_level_and_above_are_written(level: LogLevel) -> None:
    stream = start(LogFormat.JSON, level=level)
    for each in LogLevel:
        LOG.log(logging.getLevelNamesMapping()[each.upper()], "x")

    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == list(LogLevel)[
        list(LogLevel).index(level) :
    ]


def test_standard_error_is_where_events_go(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(LogLevel.INFO, LogFormat.AUTO)
    LOG.info("x")

    assert json.loads(capsys.readouterr().err)["message"] == "x"
    assert sys.stderr.isatty() is False


def test_a_second_set_up_replaces_the_first_and_leaves_others_alone() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    first, second = start(LogFormat.JSON), start(LogFormat.JSON)
    LOG.info("x")

    assert (first.getvalue(), second.getvalue().count("\n")) == ("", 1)
    assert other in logging.getLogger().handlers


@given(text=st.text(st.characters(exclude_categories=[])))
def test_escaped_text_is_printable_and_says_what_stood_there(text: str) -> None:
    assert escape(text).isprintable()
    assert escape(text) == text or not text.isprintable()


@pytest.mark.parametrize(("level", "is_heard"), [(LogLevel.DEBUG, True), (LogLevel.INFO, False)])
@pytest.mark.parametrize("name", ["aiormq.connection", "aio_pika.channel", "faust.app.base", "mode.services"])
def test_libraries_that_repeat_what_they_raise_are_heard_at_debug_alone(
    name: str, level: LogLevel, *, is_heard: bool
) -> None:
    stream = start(LogFormat.TEXT, level=level)
    logging.getLogger(name).error("once more")
    assert ("once more" in stream.getvalue()) is is_heard


@pytest.mark.parametrize("level", list(LogLevel))
def test_what_a_library_sends_to_log_in_is_at_no_level_shown(level: LogLevel) -> None:
    stream = start(LogFormat.TEXT, level=level)
    logging.getLogger("aiokafka.conn").debug("Request to kafka:9092 1: SaslAuthenticateRequest_v1(…)")
    assert stream.getvalue() == ""
