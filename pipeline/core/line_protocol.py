"""Line protocol: a row to the text that InfluxDB takes.

Owns the escaping. Must not know measurements or what a field means.
Source: InfluxDB's line protocol reference; a backslash at the end of a tag makes the whole line unreadable to the
server, so backslashes in tags become slashes; a line break inside a text field is legal.
"""

from collections.abc import Sequence

from schemas.row import Field, Row

_TAG = str.maketrans({" ": "\\ ", ",": "\\,", "=": "\\=", "\\": "/", "\n": "\\ ", "\r": "\\ ", "\t": "\\ "})
_TEXT = str.maketrans({'"': '\\"', "\\": "\\\\"})


def to_line(row: Row) -> str:
    """One line, without its line break. Tags: `charger`, then the others by name; numbers are always floats."""
    measurement, charger, site, tags, time, fields = row
    if len(fields) == 1 and not tags and not site:
        ((name, value),) = fields
        if type(value) is float:
            # The usual row: serials and names hold nothing that needs escaping.
            return f"{measurement},charger={charger} {name}={value!r} {time}"
    return f"{measurement},charger={charger}{_tags(site, tags)} {','.join(map(_field, fields))} {time}"


def _tags(site: str, others: Sequence[tuple[str, str]]) -> str:
    tags = [*others, ("site", site)] if site else list(others)
    return "".join(f",{name}={value.translate(_TAG)}" for name, value in sorted(tags))


def _field(field: Field) -> str:
    name, value = field
    if isinstance(value, float):
        return f"{name}={value!r}"
    return f'{name}="{value.translate(_TEXT)}"'
