"""Printing: tables for people, harmless to a terminal whatever their cells hold.

Owns the two forms of a table. Must not know what is printed.
"""

import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.log import escape


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout: framed and fitted to a terminal, otherwise plain, two spaces between the columns."""
    safe = [[escape(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_framed(columns, safe)
        return
    widths = [max(map(len, column)) for column in zip(columns, *safe, strict=True)]
    for row in (columns, *safe):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_framed(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
