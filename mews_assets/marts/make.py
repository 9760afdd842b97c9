"""Making one mart: its rows and its picture, put in the lake whole.

Lives here: running a mart's query over the lake, judging the rows, writing them. Not here: when (Dagster).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.lake import layout
from mews_assets.lake.engine import open_engine
from mews_assets.lake.parquet import open_writer
from mews_assets.lake.store import Lake
from mews_assets.marts.inputs import open_inputs
from mews_assets.marts.model import Mart, MartCheck, MartVerdict

_LEVEL = 3
"""Of zstd."""


@dataclass(frozen=True)
class Made:
    """What stands in the lake now."""

    rows: pa.Table
    png: bytes
    verdicts: dict[str, MartVerdict]


def key_unique(mart: Mart) -> MartCheck:
    def judge(rows: pa.Table) -> MartVerdict:
        repeats = rows.num_rows - rows.group_by(list(mart.key)).aggregate([]).num_rows
        return MartVerdict(repeats == 0, {"rows": rows.num_rows, "repeats": repeats})

    said = f"No two rows share {', '.join(mart.key)}. ERROR: sums over the mart would count twice."
    return MartCheck("key_unique", said, True, judge)


def named(mart: Mart) -> MartCheck:
    """A name can be missing although the id is none: an item need not have an accounting category."""

    def judge(rows: pa.Table) -> MartVerdict:
        empty = {name: _unnamed(rows, name) for name in mart.named}
        return MartVerdict(not any(empty.values()), {"rows": rows.num_rows, "rows_unnamed": empty})

    said = (
        f"Every row has its {', '.join(mart.named)}. WARN: the sums are right, but their ids are not in the reference, "
        "or Mews sent no instant for them."
    )
    return MartCheck("named", said, False, judge)


def checks_of(mart: Mart) -> tuple[MartCheck, ...]:
    """The checks every mart has, then its own."""
    return (key_unique(mart), named(mart), *mart.checks)


def make(lake: Lake, mart: Mart, as_of: datetime) -> Made:
    """Compute the mart as of an instant, put rows and picture in place, and judge the rows."""
    rows = compute(lake, mart, as_of)
    png = draw(mart, rows, as_of)
    with lake.workspace() as workspace:
        aside = workspace / layout.ROWS_FILE
        with open_writer(aside, rows.schema.remove_metadata(), rows, _LEVEL) as writer:
            writer.write_table(rows)
        lake.put(aside, layout.mart_file(mart.name))
    lake.write(layout.mart_plot(mart.name), png)
    return Made(rows, png, {check.name: check.judge(rows) for check in checks_of(mart)})


def compute(lake: Lake, mart: Mart, as_of: datetime) -> pa.Table:
    """The mart's rows, in the order of its query and with the types of its schema."""
    with lake.workspace() as workspace, open_engine(workspace) as engine:
        open_inputs(engine, lake, workspace, mart.inputs, as_of)
        found = engine.sql(mart.query).to_arrow_table()
    return found.select(mart.schema.names).cast(mart.schema)


def draw(mart: Mart, rows: pa.Table, as_of: datetime) -> bytes:
    from mews_assets.marts.plots import to_png  # matplotlib: not before there is something to draw

    return to_png(mart.picture(rows, as_of))


def _unnamed(rows: pa.Table, name: str) -> int:
    missing = pc.is_null(rows.column(name))
    if f"{name}_id" in rows.column_names and name == "accounting_category":
        missing = pc.and_(missing, pc.is_valid(rows.column(f"{name}_id")))
    return int(pc.sum(missing).as_py() or 0)
