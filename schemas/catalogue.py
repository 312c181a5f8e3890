"""The catalogue: what each observation id and command id means, as data.

Owns the two CSV files beside it, their types, and the rules they must keep (checked on every load, all
faults reported at once). Adding an observation is one line of `observations.csv` and no code.
Must not know how a value is converted (`pipeline.core.coercion`) or written.

Sources: the observation and command tables of Easee's developer documentation; ids that are only seen
in the stream are marked `documented=no` in `commands.csv`.
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple, TypeVar

from schemas.observation import Product

Spec = TypeVar("Spec")


class ValueType(StrEnum):
    """The catalogue's types. A store knows two only: text (string, position) and number (the rest)."""

    BOOLEAN = "boolean"
    DOUBLE = "double"
    INTEGER = "integer"
    POSITION = "position"
    STRING = "string"

    @property
    def is_text(self) -> bool:
        """True where the store's field is text, False where it is a number."""
        return self in (ValueType.STRING, ValueType.POSITION)


class Role(StrEnum):
    """Whether an observation tells what is (state), what was set (config), or when to charge (schedule)."""

    CONFIG = "config"
    SCHEDULE = "schedule"
    STATE = "state"


class SameStamp(StrEnum):
    """What two different values of one device, id and second do: both are kept, or the last one delivered wins."""

    KEEP = "keep"
    REPLACE = "replace"


class ObservationSpec(NamedTuple):
    """One line of `observations.csv`.

    `personal`       the whole value identifies a person, a place or a network.
    `personal_keys`  keys that do so inside a value which is a JSON document (`json`).
    `field`          the field (column) of `measurement` that holds the value; a value that does not fit
                     `type` goes to `text_field`.
    """

    product: Product
    id: int
    name: str
    type: ValueType
    unit: str
    role: Role
    measurement: str
    field: str
    same_stamp: SameStamp
    personal: bool
    personal_keys: frozenset[str]
    json: bool

    @property
    def text_field(self) -> str:
        """Where a value goes that does not fit the type; a text field takes everything itself."""
        return self.field if self.type.is_text else f"{self.field}_text"


class ArgumentSpec(NamedTuple):
    """One argument of a command; its id is its place in the command's `arguments`, counted from 1."""

    name: str
    type: ValueType
    unit: str


class CommandSpec(NamedTuple):
    """One line of `commands.csv`.

    `idempotent`          sending it twice leaves the charger as sending it once.
    `personal_arguments`  names of arguments that identify a person.
    `readback`            observation ids (of a charger) that show the effect; the n-th shows the n-th argument.
    """

    id: int
    name: str
    documented: bool
    idempotent: bool
    arguments: tuple[ArgumentSpec, ...]
    personal_arguments: frozenset[str]
    readback: tuple[int, ...]


class CatalogueError(ValueError):
    """The catalogue files break their own rules. `faults` has one line for each, naming file and line."""

    def __init__(self, faults: Iterable[str]) -> None:
        """Keep every fault: an editor of the CSV files wants to see all of them at once."""
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class Catalogue(NamedTuple):
    """Both tables, keyed for lookup."""

    observations: Mapping[tuple[Product, int], ObservationSpec]
    commands: Mapping[int, CommandSpec]

    def command_name(self, command_id: int) -> str:
        """The command's name, or `c<id>` for one that the catalogue does not have (tag `command`)."""
        spec = self.commands.get(command_id)
        return spec.name if spec else f"c{command_id}"


@cache
def shipped_catalogue() -> Catalogue:
    """The catalogue that comes with this program. Raises CatalogueError where a file was edited wrongly."""
    here = files("schemas")
    return read_catalogue(
        here.joinpath("observations.csv").read_text("utf-8").splitlines(),
        here.joinpath("commands.csv").read_text("utf-8").splitlines(),
    )


def read_catalogue(observation_lines: Iterable[str], command_lines: Iterable[str]) -> Catalogue:
    """Read both tables and hold them against the rules. Raises CatalogueError with every fault found."""
    faults: list[str] = []
    observations = _read_table("observations.csv", observation_lines, _read_observation, faults)
    commands = _read_table("commands.csv", command_lines, _read_command, faults)
    faults += _faults_of_observations(observations)
    faults += _faults_of_commands(commands, {spec.id for spec in observations if spec.product is Product.CHARGER})
    if faults:
        raise CatalogueError(faults)
    return Catalogue(
        observations={(spec.product, spec.id): spec for spec in observations},
        commands={spec.id: spec for spec in commands},
    )


_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
_MEASUREMENT = re.compile(r"(charger|equalizer)_(mode|power|energy|limit|link|health|config)")
_HIGHEST_ID = 65_535


def _read_table(
    file: str, lines: Iterable[str], read: Callable[[Mapping[str, str]], Spec], faults: list[str]
) -> list[Spec]:
    specs: list[Spec] = []
    for number, line in enumerate(csv.DictReader(lines), start=2):
        try:
            specs.append(read(line))
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            faults.append(f"{file} line {number}: {fault}")
    return specs


def _read_observation(line: Mapping[str, str]) -> ObservationSpec:
    return ObservationSpec(
        product=Product(line["product"]),
        id=_read_id(line["id"]),
        name=line["name"],
        type=ValueType(line["type"]),
        unit=line["unit"],
        role=Role(line["role"]),
        measurement=line["measurement"],
        field=line["field"],
        same_stamp=SameStamp(line["same_stamp"]),
        personal=_read_flag(line["personal"]),
        personal_keys=frozenset(_split(line["personal_keys"])),
        json=_read_flag(line["json"]),
    )


def _read_command(line: Mapping[str, str]) -> CommandSpec:
    return CommandSpec(
        id=_read_id(line["id"]),
        name=line["name"],
        documented=_read_flag(line["documented"]),
        idempotent=_read_flag(line["idempotent"]),
        arguments=tuple(_read_argument(part) for part in _split(line["arguments"])),
        personal_arguments=frozenset(_split(line["personal_arguments"])),
        readback=tuple(_read_id(part) for part in _split(line["readback"])),
    )


def _read_argument(text: str) -> ArgumentSpec:
    name, type_name, *unit = text.split(":")
    return ArgumentSpec(name, ValueType(type_name), unit[0] if unit else "")


def _read_id(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _HIGHEST_ID:
        raise ValueError(f"id {number} is outside 0 to {_HIGHEST_ID}")
    return number


def _read_flag(text: str) -> bool:
    if text not in ("yes", "no", ""):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def _split(text: str) -> list[str]:
    return text.split(";") if text else []


def _faults_of_observations(specs: Iterable[ObservationSpec]) -> list[str]:
    specs = list(specs)
    faults = [
        f"observations.csv: {what} is given twice"
        for what in (
            *_repeated(f"{spec.product} id {spec.id}" for spec in specs),
            *_repeated(f"{spec.product} name {spec.name}" for spec in specs),
            *_repeated(f"field {spec.measurement}.{spec.field}" for spec in specs),
        )
    ]
    fields = {(spec.measurement, spec.field) for spec in specs}
    for spec in specs:
        where = f"observations.csv: {spec.product} {spec.id} {spec.name}"
        if not _FIELD_NAME.fullmatch(spec.field):
            faults.append(f"{where}: field {spec.field!r} is not lower_case")
        if not _MEASUREMENT.fullmatch(spec.measurement) or not spec.measurement.startswith(spec.product):
            faults.append(f"{where}: {spec.measurement!r} is no measurement of this product")
        if (spec.measurement, f"{spec.field}_text") in fields:
            faults.append(f"{where}: field {spec.field}_text is taken by the misfits of {spec.field}")
        if (spec.personal or spec.json) and not spec.type.is_text:
            faults.append(f"{where}: a personal value or a JSON document must be text")
        if spec.personal_keys and not spec.json:
            faults.append(f"{where}: personal keys need a JSON document")
        if not spec.name:
            faults.append(f"{where}: has no name")
    return faults


def _faults_of_commands(specs: Iterable[CommandSpec], observation_ids: set[int]) -> list[str]:
    specs = list(specs)
    faults = [
        f"commands.csv: {what} is given twice"
        for what in (*_repeated(f"id {spec.id}" for spec in specs), *_repeated(f"name {spec.name}" for spec in specs))
    ]
    for spec in specs:
        where = f"commands.csv: {spec.id} {spec.name}"
        if unknown := spec.personal_arguments - {argument.name for argument in spec.arguments}:
            faults.append(f"{where}: has no argument {', '.join(sorted(unknown))} to be personal")
        if unread := set(spec.readback) - observation_ids:
            faults.append(f"{where}: reads back observation {sorted(unread)}, which no charger has")
        if len(spec.readback) > len(spec.arguments):
            faults.append(f"{where}: more readbacks than arguments")
    return faults


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
