"""`chargeline config`: the settings in force, secrets masked.

Owns how settings are shown. Must not know where they come from or what they do.
"""

from collections.abc import Mapping

import click
import orjson

from pipeline.cli.options import json_option, with_settings
from pipeline.cli.printing import print_table
from pipeline.setting_specs import SPECS, Spec
from pipeline.settings import Settings

_COLUMNS = ("setting", "value", "from")
_EXAMPLE = """\b
Examples:
  chargeline config
  CHARGELINE_PERSONAL=keep chargeline config --env-file .env --json"""


@click.command(epilog=_EXAMPLE)
@json_option
@with_settings
def command(settings: Settings, as_json: bool) -> None:
    """Show the settings in force.

    Each with where it came from. Secrets are masked.
    """
    if as_json:
        click.echo(orjson.dumps(settings_entry(settings), option=orjson.OPT_INDENT_2))
    else:
        print_table(_COLUMNS, [_cells(spec, settings) for spec in SPECS.values()])


def settings_entry(settings: Settings) -> Mapping[str, Mapping[str, object]]:
    """Every setting by its variable, as JSON can hold it; the value as it was written, null where it is not set."""
    return {
        spec.variable: {
            "value": _utf8(settings.texts[spec.name]),
            "source": _utf8(settings.sources[spec.name]),
            "default": spec.default,
            "secret": spec.is_secret,
        }
        for spec in SPECS.values()
    }


def _cells(spec: Spec, settings: Settings) -> tuple[str, ...]:
    value = settings.texts[spec.name]
    return spec.variable, "none" if value is None else value, settings.sources[spec.name]


def _utf8(text: str | None) -> str | None:
    """A text from the environment may hold bytes that are no UTF-8, which JSON cannot."""
    return None if text is None else text.encode(errors="backslashreplace").decode()
