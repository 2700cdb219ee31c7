"""A comparison as a table."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass
class Comparison:
    """One table: a title, columns, rows of text, and what to keep in mind."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    note: str = ""


def show(comparison: Comparison) -> None:
    table = Table(title=comparison.title, caption=comparison.note or None, title_justify="left")
    for place, column in enumerate(comparison.columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    for row in comparison.rows:
        table.add_row(*row)
    console = Console()
    # A pipe or a log has no width of its own: nothing is cut there.
    Console(width=None if console.is_terminal else 110).print(table, "")
