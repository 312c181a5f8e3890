"""Fields: how a value is written and coloured, by its unit, decimals, mappings, thresholds and overrides.

Owns Grafana's rules for that, as far as our dashboards use them. Must not know panels.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from tests.dashboards.nodes import Json, at, items, members, number, text
from tests.pictures.frames import Value

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "green": "#73BF69",
        "light-green": "#96D98D",
        "dark-green": "#37872D",
        "red": "#F2495C",
        "dark-red": "#C4162A",
        "yellow": "#FADE2A",
        "orange": "#FF9830",
        "blue": "#5794F2",
        "light-blue": "#8AB8FF",
        "purple": "#B877D9",
        "light-purple": "#CA95E5",
        "text": "#CCCCDC",
        "transparent": "#181B1F",
    }
)
PALETTE = ("#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0", "#37872D", "#FADE2A")
_NS = 1e9


class Shown(NamedTuple):
    """A value as it is written, and its colour; empty where it has none of its own."""

    text: str
    colour: str = ""


class Field:
    """The settings of one field: a panel's defaults, and what overrides them for this name."""

    def __init__(self, config: Json, name: str) -> None:
        """Find what holds for it."""
        self._settings = dict(members(config, "defaults"))
        self._custom = dict(members(config, "defaults", "custom"))
        for override in items(config, "overrides"):
            wanted = text(override, "matcher", "options")
            is_pattern = text(override, "matcher", "id") == "byRegexp"
            if name == wanted or (is_pattern and re.search(wanted.strip("/"), name)):
                for each in items(override, "properties"):
                    key, value = text(each, "id"), at(each, "value")
                    if key.startswith("custom."):
                        self._custom[key.removeprefix("custom.")] = value
                    else:
                        self._settings[key] = value

    def custom(self, key: str) -> Json:
        """A setting of the panel's own kind."""
        return self._custom.get(key)

    @property
    def unit(self) -> str:
        """Its unit's name in Grafana."""
        return text(self._settings, "unit")

    @property
    def no_value(self) -> str:
        """What stands where there is nothing."""
        return text(self._settings, "noValue")

    def name(self, name: str) -> str:
        """What it is called where people read it."""
        return text(self._settings, "displayName") or name

    @property
    def fixed_colour(self) -> str:
        """The colour of a series; empty where it takes the next one of the palette."""
        return colour_of(text(self._settings, "color", "fixedColor"))

    def show(self, value: Value, now: float) -> Shown:
        """A value as it is written; `now` in nanoseconds, for times that are written as ages."""
        for mapping in items(self._settings, "mappings"):
            found = _mapped(mapping, value)
            if found is not None:
                return Shown(text(found, "text"), colour_of(text(found, "color")))
        if value is None:
            return Shown("")
        if isinstance(value, str):
            return Shown(value)
        return Shown(write(value, self.unit, number(self._settings, "decimals"), now), self._by_threshold(value))

    def _by_threshold(self, value: float) -> str:
        found = ""
        for step in items(self._settings, "thresholds", "steps"):
            least = number(step, "value")
            if least is None or value >= least:
                found = text(step, "color")
        return colour_of(found)


def colour_of(name: str) -> str:
    """A colour by Grafana's name or as it is; an unknown name raises KeyError."""
    return name if not name or name.startswith(("#", "rgb")) else COLOURS[name]


def write(value: float, unit: str, decimals: float | None, now: float) -> str:
    """A number with its unit, as Grafana writes it; a unit that is not known here raises KeyError."""
    return _UNITS[unit](value, decimals, now)


def _mapped(mapping: Json, value: Value) -> Json:
    options = at(mapping, "options")
    if text(mapping, "type") == "special":
        is_it = {"empty": value == "", "null": value is None, "null+nan": value is None}
        return at(options, "result") if is_it.get(text(options, "match")) else None
    if value is None:
        return None
    return at(options, f"{value:g}" if isinstance(value, float) else value)


def _plain(value: float, decimals: float | None) -> str:
    if decimals is None:
        decimals = 0 if value == int(value) else 2 if abs(value) < 100 else 1
    return f"{value:,.{int(decimals)}f}".replace(",", " ")


def _short(value: float, decimals: float | None, _: float) -> str:
    for size, word in ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K")):
        if abs(value) >= size:
            return _plain(value / size, 2 if decimals is None else decimals) + word
    return _plain(value, decimals)


def _scaled(*steps: tuple[float, str]) -> Callable[[float, float | None, float], str]:
    """The largest unit of which there is one at least."""

    def written(value: float, decimals: float | None, _: float) -> str:
        # Nothing is written in the unit itself.
        fits = (step for step in steps if abs(value) >= step[0] or (value == 0 and step[0] == 1))
        size, word = next(fits, steps[-1])
        return f"{_plain(value / size, decimals)} {word}"

    return written


def _with(word: str) -> Callable[[float, float | None, float], str]:
    return lambda value, decimals, _: f"{_plain(value, decimals)} {word}"


def _age(value: float, _: float | None, now: float) -> str:
    seconds = (now - value) / _NS
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return "a few seconds ago"


def _duration(value: float, _: float | None, __: float) -> str:
    seconds = round(value)
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    return " ".join(f"{count}{word}" for count, word in parts if count) or "0s"


def _local(value: float, _: float | None, __: float) -> str:
    return datetime.fromtimestamp(value / _NS, UTC).strftime("%Y-%m-%d %H:%M:%S")


_UNITS: Mapping[str, Callable[[float, float | None, float], str]] = MappingProxyType(
    {
        "": _short,
        "short": _short,
        "none": lambda value, decimals, _: _plain(value, decimals),
        "percent": lambda value, decimals, _: _plain(value, decimals) + "%",
        "ms": _scaled((86_400e3, "days"), (3_600e3, "hours"), (60e3, "mins"), (1e3, "s"), (1, "ms")),
        "s": _scaled((86_400, "days"), (3_600, "hours"), (60, "mins"), (1, "s"), (1e-3, "ms")),
        "kwatt": _scaled((1e3, "MW"), (1, "kW"), (1e-3, "W")),
        "kwatth": _scaled((1e3, "MWh"), (1, "kWh"), (1e-3, "Wh")),
        "amp": _with("A"),
        "celsius": _with("°C"),
        "dBm": _with("dBm"),
        "mps": _with("msg/s"),
        "bytes": _scaled((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")),
        "dtdurations": _duration,
        "dateTimeFromNow": _age,
        "dateTimeAsLocal": _local,
    }
)
