"""`chargeline config`: the settings in force, secrets masked."""

import sys

import click
import orjson

from pipeline.cli.options import json_option, with_settings
from pipeline.setting_specs import SPECS, Spec
from pipeline.settings import Settings

_UNUSED = "not used by this version yet"


@click.command(epilog="Example: CHARGELINE_PERSONAL=keep chargeline config --env-file .env")
@with_settings
@json_option
def command(settings: Settings, as_json: bool) -> None:
    """Show every setting in force, where it came from, and whether this version uses it. Secrets are masked."""
    if as_json:
        sys.stdout.write(
            orjson.dumps({spec.variable: _entry(spec, settings) for spec in SPECS.values()}).decode() + "\n"
        )
        return
    width = max(len(spec.variable) for spec in SPECS.values())
    for spec in SPECS.values():
        note = "" if spec.is_used else f"; {_UNUSED}"
        sys.stdout.write(
            f"{spec.variable:{width}}  {settings.texts[spec.name] or 'none':26}  {settings.sources[spec.name]}{note}\n"
        )


def _entry(spec: Spec, settings: Settings) -> dict[str, object]:
    return {
        "value": settings.texts[spec.name],
        "source": settings.sources[spec.name],
        "secret": spec.is_secret,
        "used": spec.is_used,
    }
