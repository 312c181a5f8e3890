"""`chargeline explain`: what one message becomes, and why.

Owns how the message is taken from the command line and how the explanation is shown. Must not know any rule.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import click
import orjson

from pipeline.assembly import make_decoder
from pipeline.cli.options import json_option, with_settings
from pipeline.explain import Explainer, Explanation, Verdict
from pipeline.explain_step import Step
from pipeline.log import escape
from pipeline.settings import Settings
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery

_STDIN = "-"
_EXAMPLE = """\b
Examples:
  chargeline explain EH000281.O.109
  chargeline explain EH000281.O.109 '{"Id": 109, "Timestamp": "2023-06-08T06:59:16Z", "Value": 3}'
  chargeline explain EH000281.O.48 - --arrival-time 2023-06-08T06:59:17Z < body.json"""

_HEADINGS: Mapping[Verdict, str] = {
    Verdict.ROW: "becomes one row.",
    Verdict.COMMAND: "is a command: it is read, and becomes no row.",
    Verdict.REJECTED: "is rejected.",
    Verdict.KEY: "is a usable routing key.",
}


@click.command(epilog=_EXAMPLE)
@click.argument("routing_key")
@click.argument("body", required=False)
@click.option("--arrival-time", metavar="TIME", help="The header ArrivalTime, as it was on the wire.")
@click.option("--header", "headers", metavar="NAME=VALUE", multiple=True, help="Any header; may be given often.")
@json_option
@with_settings
def command(
    settings: Settings,
    routing_key: str,
    body: str | None,
    arrival_time: str | None,
    headers: Sequence[str],
    as_json: bool,
) -> None:
    """Say what one message becomes, and why.

    BODY is the message as JSON; `-` reads it from standard input, which is also done where it is left away and
    something is piped in. Without a body the routing key alone is explained. Nothing is stored.
    """
    table = dict(map(_split_header, headers))
    if arrival_time is not None:
        table["ArrivalTime"] = arrival_time
    content = _read_body(body)
    catalogue = shipped_catalogue()
    explainer = Explainer(catalogue, make_decoder(settings), settings.personal)
    if content is None:
        explanation = explainer.explain_key(routing_key)
    else:
        explanation = explainer.explain_delivery(Delivery(routing_key, table, content, None))
    if as_json:
        click.echo(orjson.dumps(explanation_entry(explanation), option=orjson.OPT_INDENT_2))
    else:
        _print(explanation)


def explanation_entry(explanation: Explanation) -> Mapping[str, object]:
    """An explanation as JSON can hold it; what it does not have is null."""
    row, refusal = explanation.row, explanation.refusal
    return {
        # A key from the command line may hold bytes that are no UTF-8, which JSON cannot.
        "routing_key": explanation.routing_key.encode(errors="backslashreplace").decode(),
        "verdict": explanation.verdict,
        "steps": [step._asdict() for step in explanation.steps],
        "surprises": explanation.surprises,
        "row": row
        and {
            "measurement": row.measurement,
            "tags": {"charger": row.charger, **dict(row.tags)},
            "time": row.time,
            "fields": dict(row.fields),
        },
        "line": explanation.line,
        "refusal": refusal and refusal._asdict(),
    }


def _split_header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        message = f"--header {text!r} is not NAME=VALUE, such as ArrivalTime=2023-06-08T06:59:17Z."
        raise click.UsageError(message)
    return name, value


def _read_body(body: str | None) -> bytes | None:
    """The body's bytes, None where there is none."""
    if body is not None and body != _STDIN:
        return os.fsencode(body)
    stdin = sys.stdin.buffer
    if body is None and stdin.isatty():
        return None
    content = stdin.read()
    return None if body is None and not content else content


def _print(explanation: Explanation) -> None:
    click.echo(f"{escape(explanation.routing_key)} {_HEADINGS[explanation.verdict]}\n")
    steps = [*explanation.steps, *_closing_steps(explanation)]
    width = max(len(step.topic) for step in steps)
    for step in steps:
        click.echo(f"{step.topic:{width}}  {escape(step.finding)}")
        if step.why:
            click.echo(f"{'':{width}}  {click.style(escape(step.why), dim=True)}")


def _closing_steps(explanation: Explanation) -> Iterator[Step]:
    if explanation.surprises:
        yield Step("surprises", ", ".join(explanation.surprises), "legal but unexpected: counted, never refused")
    if explanation.line is not None:
        yield Step("line", explanation.line)
    refusal = explanation.refusal
    if refusal is not None:
        yield Step("reason", f"{refusal.reason}: {refusal.meaning}")
        yield Step("detail", refusal.detail)
        yield Step("what to do", refusal.next_step)
        if refusal.key is not None:
            yield Step("reject", refusal.key, "its key, had it come from a queue with these headers: rejects show KEY")
