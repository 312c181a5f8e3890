"""`chargeline export`: rows of the store in a file, for other programs.

Owns which measurement and span are asked for, the file's name, and what is shown meanwhile. Must not know stores.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

import click
from rich.console import Console
from rich.progress import Progress

from pipeline.assembly import open_rows
from pipeline.cli.options import read_moment, with_settings
from pipeline.export import OpenFile, Step, Wanted, export
from pipeline.settings import Settings
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.store import StoreUnavailableError
from pipeline.wires.table_files import csv_file, parquet_file
from schemas.catalogue import shipped_catalogue
from schemas.measurement import Measurement, derived_measurements, fact_measurements

_FORMS: Mapping[str, OpenFile] = MappingProxyType({".csv": csv_file, ".parquet": parquet_file})
_TROUBLE = (StoreUnavailableError, ForeignFileError)
_EXAMPLE = """\b
Examples:
  chargeline export -m session --from 2026-01-01 --to 2026-02-01 -o sessions.csv
  chargeline export -m charger_power --from 2026-01-31 --to 2026-02-01 --charger EH123456 -o power.parquet"""


@click.command(epilog=_EXAMPLE)
@click.option("-m", "--measurement", "name", metavar="M", required=True, help="Whose rows, as in `session`.")
@click.option("--from", "first", metavar="T", required=True, help="From when on: a date, or a time; UTC.")
@click.option("--to", "until", metavar="T", required=True, help="Until when, likewise.")
@click.option("--charger", "chargers", metavar="SERIAL", multiple=True, help="Only of this one; may be repeated.")
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="FILE.csv, or FILE.parquet.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@with_settings
def command(
    settings: Settings, name: str, first: str, until: str, chargers: tuple[str, ...], path: Path, *, force: bool
) -> None:
    """Write rows of the store into a file.

    A column for the time, for each tag and for each field; a row that has no such field has nothing there. Parquet
    needs the extra: pip install 'chargeline[parquet]'. A worker may go on meanwhile.
    """
    wanted = Wanted(_measurement(name), read_moment(first), read_moment(until), chargers)
    if wanted.first >= wanted.until:
        raise click.BadParameter("--to must be later than --from")
    open_file = _FORMS.get(path.suffix)
    if open_file is None:
        raise click.BadParameter(f"{path} must end with {' or '.join(_FORMS)}")
    if path.exists() and not force:
        raise click.ClickException(f"{path} is there already; --force writes over it")
    rows = 0
    try:
        with open_rows(settings) as source:
            for step in _with_progress(export(source, wanted, path, open_file), wanted):
                rows = step.rows
    except _TROUBLE as fault:
        raise click.ClickException(str(fault)) from None
    except ImportError:
        raise click.ClickException("Parquet needs pyarrow; pip install 'chargeline[parquet]', or ask for CSV") from None
    except OSError as fault:
        raise click.ClickException(f"{fault.filename or path}: {fault.strerror}") from None
    click.echo(f"{rows:,} rows of {name}, in {path}")


def _measurement(name: str) -> Measurement:
    """Raises BadParameter, with the nearest name."""
    known = {**fact_measurements(shipped_catalogue()), **derived_measurements()}
    found = known.get(name)
    if found is not None:
        return found
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
    raise click.BadParameter(f"there is no measurement {name}; {hint}")


def _with_progress(steps: Iterator[Step], wanted: Wanted) -> Iterator[Step]:
    """The same steps; while they come, a bar on stderr where that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from steps
        return
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("reading", total=wanted.until - wanted.first)
        for step in steps:
            progress.update(task, completed=step.at - wanted.first, description=f"{step.rows:,} rows")
            yield step
