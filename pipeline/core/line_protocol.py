"""Line protocol: a row to the text that InfluxDB takes.

Owns the escaping. Must not know measurements or what a field means.
Source: InfluxDB's line protocol reference; a backslash at the end of a tag makes the whole line unreadable to the
server, so backslashes in tags become slashes; a line break inside a text field is legal.
"""

from schemas.row import Field, Row

_TAG = str.maketrans({" ": "\\ ", ",": "\\,", "=": "\\=", "\\": "/", "\n": "\\ ", "\r": "\\ ", "\t": "\\ "})
_TEXT = str.maketrans({'"': '\\"', "\\": "\\\\"})


def to_line(row: Row) -> str:
    """One line, without its line break. Tags: `charger`, then the others by name; numbers are always floats."""
    if len(row.fields) == 1 and not row.tags and not row.site:
        name, value = row.fields[0]
        if isinstance(value, float):
            # The usual row: serials and names hold nothing that needs escaping.
            return f"{row.measurement},charger={row.charger} {name}={value!r} {row.time}"
    fields = ",".join(map(_field, row.fields))
    return f"{row.measurement},charger={row.charger}{_tags(row)} {fields} {row.time}"


def _tags(row: Row) -> str:
    tags = [*row.tags, ("site", row.site)] if row.site else list(row.tags)
    return "".join(f",{name}={value.translate(_TAG)}" for name, value in sorted(tags))


def _field(field: Field) -> str:
    name, value = field
    if isinstance(value, float):
        return f"{name}={value!r}"
    return f'{name}="{value.translate(_TEXT)}"'
