"""`chargeline catalogue`: look up what observation and command ids mean.

Owns the search and how entries are shown. Must not know more of an entry than the catalogue holds.
"""

from collections.abc import Mapping, Sequence

import click
import orjson

from pipeline.cli.options import json_option
from pipeline.cli.printing import print_table
from schemas.catalogue import Catalogue, CommandSpec, ObservationSpec, shipped_catalogue
from schemas.enumerations import BY_OBSERVATION
from schemas.observation import Product

_OBSERVATION_COLUMNS = ("product", "id", "name", "type", "unit", "role", "kept in", "same stamp", "personal")
_COMMAND_COLUMNS = ("id", "name", "documented", "idempotent", "arguments", "shows in")

_EXAMPLE = """\b
Examples:
  chargeline catalogue power
  chargeline catalogue 109 --product charger
  chargeline catalogue --commands --json"""


@click.command(epilog=_EXAMPLE)
@click.argument("text", required=False, default="")
@click.option("--product", type=click.Choice([product.value for product in Product]), help="One product only.")
@click.option("--commands", is_flag=True, help="Commands instead of observations.")
@json_option
def command(text: str, product: str | None, commands: bool, as_json: bool) -> None:
    """Look up observation and command ids.

    TEXT is an id, or a part of a name or of the measurement.field where values are kept; without it everything is
    listed. A single hit is shown with all that is known of it, meanings of its codes included.
    """
    catalogue = shipped_catalogue()
    if commands:
        if product is not None:
            message = "--product is for observations; every command is a charger's. Leave one of the two away."
            raise click.UsageError(message)
        specs = find_commands(catalogue, text)
        entries = [command_entry(spec) for spec in specs]
        rows = [_command_row(spec) for spec in specs]
        _show(text, _COMMAND_COLUMNS, rows, entries, as_json=as_json)
        return
    found = find_observations(catalogue, text, Product(product) if product else None)
    _show(
        text,
        _OBSERVATION_COLUMNS,
        [_observation_row(spec) for spec in found],
        [observation_entry(spec) for spec in found],
        as_json=as_json,
    )


def find_observations(catalogue: Catalogue, text: str, product: Product | None = None) -> list[ObservationSpec]:
    """Entries, by product and id, whose id is `text`, or whose name or place holds it in any letter case."""
    return [
        spec
        for _, spec in sorted(catalogue.observations.items())
        if product in (None, spec.product) and _matches(text, spec.id, spec.name, f"{spec.measurement}.{spec.field}")
    ]


def find_commands(catalogue: Catalogue, text: str) -> list[CommandSpec]:
    """Commands, by id, whose id is `text`, or whose name or argument names hold it in any letter case."""
    return [
        spec
        for _, spec in sorted(catalogue.commands.items())
        if _matches(text, spec.id, spec.name, *(argument.name for argument in spec.arguments))
    ]


def observation_entry(spec: ObservationSpec) -> Mapping[str, object]:
    """Everything that is known of an observation id, as JSON can hold it."""
    codes = BY_OBSERVATION.get((spec.product, spec.id), {})
    return {
        **spec._asdict(),
        "text_field": spec.text_field,
        "personal_keys": sorted(spec.personal_keys),
        "codes": {str(code): meaning for code, meaning in codes.items()},
    }


def command_entry(spec: CommandSpec) -> Mapping[str, object]:
    """Everything that is known of a command id, as JSON can hold it."""
    return {
        **spec._asdict(),
        "arguments": [argument._asdict() for argument in spec.arguments],
        "personal_arguments": sorted(spec.personal_arguments),
    }


def _matches(text: str, number: int, *names: str) -> bool:
    if text.isdecimal():
        return int(text) == number
    return any(text.casefold() in name.casefold() for name in names)


def _show(
    text: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    entries: Sequence[Mapping[str, object]],
    *,
    as_json: bool,
) -> None:
    if as_json:
        click.echo(orjson.dumps(entries, option=orjson.OPT_INDENT_2))
    elif not rows:
        click.echo(f"Nothing in the catalogue matches {text!r}; try an id or a part of a name.", err=True)
    elif len(rows) == 1:
        _print_entry(entries[0])
    else:
        print_table(columns, rows)


def _print_entry(entry: Mapping[str, object]) -> None:
    width = max(map(len, entry))
    for name, value in entry.items():
        lines = _lines_of(value)
        for label, line in zip([name, *[""] * (len(lines) - 1)], lines, strict=True):
            click.echo(f"{label:{width}}  {line}".rstrip())


def _lines_of(value: object) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, Mapping):
        return [f"{name}: {member}" for name, member in value.items()] or ["-"]
    if isinstance(value, list | tuple):
        return [" ".join(map(str, item.values())) if isinstance(item, Mapping) else str(item) for item in value] or [
            "-"
        ]
    return [str(value) or "-"]


def _observation_row(spec: ObservationSpec) -> list[str]:
    personal = "yes" if spec.personal else ", ".join(sorted(spec.personal_keys))
    place = f"{spec.measurement}.{spec.field}"
    return [spec.product, str(spec.id), spec.name, spec.type, spec.unit, spec.role, place, spec.same_stamp, personal]


def _command_row(spec: CommandSpec) -> list[str]:
    arguments = ", ".join(f"{part.name} {part.type} {part.unit}".rstrip() for part in spec.arguments)
    return [
        str(spec.id),
        spec.name,
        "yes" if spec.documented else "no",
        "yes" if spec.idempotent else "no",
        arguments,
        ", ".join(map(str, spec.readback)),
    ]
