"""A few rows of a mart as texts, and as a Markdown table.

Lives here: choosing the rows, and the table. Not here: plots (`plot_parts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

ROWS = 15
_WIDTH = 80
"""Characters of a cell: names can be of any length, and the preview is stored in a Dagster event."""


def latest(column: str, rows: pa.Table) -> pa.Table:
    """The rows of the last days; of complete days only, where the mart has `is_complete`."""
    if "is_complete" in rows.column_names:
        rows = rows.filter(rows.column("is_complete"))
    order = pc.sort_indices(rows, sort_keys=[(column, "descending"), ("enterprise", "ascending")])
    return rows.take(order[:ROWS])


def first(rows: pa.Table) -> pa.Table:
    """The first rows."""
    return rows.slice(0, ROWS)


def nearest(column: str, rows: pa.Table) -> pa.Table:
    """The rows of today and later, by a column with the days from today."""
    coming = rows.filter(pc.fill_null(pc.greater_equal(rows.column(column), 0), False))
    order = pc.sort_indices(coming, sort_keys=[(column, "ascending"), ("enterprise", "ascending")])
    return coming.take(order[:ROWS])


@dataclass(frozen=True)
class PreviewTable:
    """Rows as texts, without ids, because names are in other columns. `numeric` are aligned to the right."""

    names: list[str]
    numeric: list[bool]
    rows: list[list[str]]


def table(rows: pa.Table) -> PreviewTable:
    """The rows as texts."""
    names = [name for name in rows.column_names if not name.endswith("_id")]
    return PreviewTable(
        names,
        [_is_numeric(rows.schema.field(name).type) for name in names],
        [[_cell(row[name]) for name in names] for row in rows.to_pylist()],
    )


def markdown(rows: pa.Table) -> str:
    """The rows as a Markdown table."""
    shown = table(rows)
    lines = [
        f"| {' | '.join(shown.names)} |",
        "|" + "|".join("---:" if numeric else "---" for numeric in shown.numeric) + "|",
    ]
    lines += [f"| {' | '.join(cell.replace('|', _BAR) for cell in row)} |" for row in shown.rows]
    return "\n".join(lines)


_BAR = "\\|"


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind) or pa.types.is_integer(kind))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}\N{HORIZONTAL ELLIPSIS}"
