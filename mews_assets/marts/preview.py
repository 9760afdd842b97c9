"""A few rows of a mart as a Markdown table.

Lives here: choosing the rows, and the table.
"""

from __future__ import annotations

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


def markdown(rows: pa.Table) -> str:
    """The rows as a Markdown table, without ids, because names are in other columns."""
    names = [name for name in rows.column_names if not name.endswith("_id")]
    lines = [
        f"| {' | '.join(names)} |",
        "|" + "|".join(_alignment(rows.schema.field(name).type) for name in names) + "|",
    ]
    lines += [f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in rows.to_pylist()]
    return "\n".join(lines)


def _alignment(kind: pa.DataType) -> str:
    return "---:" if pa.types.is_decimal(kind) or pa.types.is_integer(kind) else "---"


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
    return (text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}\N{HORIZONTAL ELLIPSIS}").replace(
        "|", "\\|"
    )
