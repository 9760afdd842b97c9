"""Making one mart: its rows and its plot, written to the lake.

Lives here: running a mart's query over the lake, checking and writing the rows. Not here: when (`defs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import is_of_memory
from mews_assets.lake.storage.parquet import open_writer
from mews_assets.marts.inputs import open_inputs
from mews_assets.marts.model import LEFT_OUT, Mart, MartCheck, MartVerdict, Plot
from mews_assets.marts.unreadable_inputs import READ_ERRORS, unreadable_inputs
from mews_assets.windows import to_api

AS_OF = "mews_assets.as_of"
"""In the metadata of a mart's file: the instant as of which it was made."""


@dataclass(frozen=True)
class Made:
    """A mart as written: its rows, the rows left out (see `LEFT_OUT`), its plot, and the verdicts by check."""

    rows: pa.Table
    left_out: pa.Table
    png: bytes
    size_bytes: int
    verdicts: dict[str, MartVerdict]


def key_unique(mart: Mart) -> MartCheck:
    def judge(rows: pa.Table) -> MartVerdict:
        repeats = rows.num_rows - rows.group_by(list(mart.key)).aggregate([]).num_rows
        return MartVerdict(repeats == 0, {"rows": rows.num_rows, "repeats": repeats})

    description = f"No two rows share {', '.join(mart.key)}. ERROR: sums over the mart would count twice."
    return MartCheck("key_unique", description, True, judge)


def named(mart: Mart) -> MartCheck:
    """A name may be empty where the id is: an item need not have an accounting category."""

    def judge(rows: pa.Table) -> MartVerdict:
        empty = {name: _unnamed(rows, name) for name in mart.named}
        return MartVerdict(not any(empty.values()), {"rows": rows.num_rows, "rows_unnamed": empty})

    description = (
        f"Every row has its {', '.join(mart.named)}. WARN: the sums are right, but their ids are not in the reference, "
        "or Mews sent no instant for them."
    )
    return MartCheck("named", description, False, judge)


def _judge_left_out(left_out: pa.Table) -> MartVerdict:
    found: dict[str, dict[str, int | str]] = {}
    for row in left_out.to_pylist():
        hotel = f"{row['enterprise']} ({row['enterprise_id']})" if row["enterprise"] else row["enterprise_id"]
        found.setdefault(hotel, {})[row["fault"]] = "all rows" if row["rows"] is None else row["rows"]
    shown = dict(list(found.items())[:_MAX_HOTELS])
    return MartVerdict(
        not found,
        {
            "rows_left_out": pc.sum(left_out.column("rows")).as_py() or 0,
            "hotels_concerned": len(found),
            "files_unreadable": left_out.column("rows").null_count,
            "left_out": shown,
        },
    )


NONE_LEFT_OUT = MartCheck(
    "none_left_out",
    "Every row of every hotel is in the mart. WARN: the rows of the others are right; the rows named here are left out "
    "until they are corrected in Mews, or until a file that cannot be read is made again.",
    False,
    _judge_left_out,
    is_of_left_out=True,
)
_MAX_HOTELS = 50
"""Hotels named in a verdict."""


def checks_of(mart: Mart) -> tuple[MartCheck, ...]:
    """The checks of every mart, then its own."""
    return (key_unique(mart), named(mart), NONE_LEFT_OUT, *mart.checks)


def make(lake: Lake, mart: Mart, as_of: datetime, since: datetime | None = None) -> Made:
    """Compute the mart as of an instant, write its rows and plot, and check the rows.

    From `since` on the lake holds all updates: earlier business days are not complete.
    """
    rows, left_out = compute_with_left_out(lake, mart, as_of, since)
    png = draw(mart, rows, as_of, _names(lake))
    with lake.workspace() as workspace:
        aside = workspace / layout.ROWS_FILE
        with open_writer(aside, rows.schema.remove_metadata(), rows) as writer:
            writer.write_table(rows)
            writer.add_key_value_metadata({AS_OF: to_api(as_of)})
        size = aside.stat().st_size
        lake.put(aside, layout.mart_file(mart.name))
    lake.write(layout.mart_plot(mart.name), png)
    verdicts = {
        check.name: check.judge(left_out if check.is_of_left_out else rows) for check in checks_of(mart)
    }
    return Made(rows, left_out, png, size, verdicts)


def compute(lake: Lake, mart: Mart, as_of: datetime, since: datetime | None = None) -> pa.Table:
    """The mart's rows, in the order of its query and with the types of its schema."""
    return compute_with_left_out(lake, mart, as_of, since)[0]


def compute_with_left_out(
    lake: Lake, mart: Mart, as_of: datetime, since: datetime | None = None
) -> tuple[pa.Table, pa.Table]:
    """The mart's rows, and the number of rows left out per hotel and fault (`LEFT_OUT`)."""
    with lake.workspace() as workspace:
        try:
            return _query(lake, mart, as_of, since, workspace, {})
        except READ_ERRORS as error:
            # Only after a failure: checking all files beforehand would double the work of every mart.
            unreadable = {} if is_of_memory(error) else unreadable_inputs(lake, workspace, mart.all_inputs)
            if not unreadable:
                raise
            return _query(lake, mart, as_of, since, workspace, unreadable)


def _query(
    lake: Lake,
    mart: Mart,
    as_of: datetime,
    since: datetime | None,
    workspace: Path,
    unreadable: Mapping[str, Sequence[str]],
) -> tuple[pa.Table, pa.Table]:
    """As `compute_with_left_out`. A hotel with an unreadable file is left out: a part of its rows would look
    complete."""
    with open_duckdb(workspace, memory=lake.memory) as engine:
        open_inputs(engine, lake, workspace, mart.all_inputs, as_of, since, without=unreadable.keys())
        engine.execute(f"CREATE TEMP TABLE all_given AS {mart.given}")
        engine.execute("CREATE TEMP VIEW given AS FROM all_given WHERE fault IS NULL")
        rows = engine.sql(mart.query).to_arrow_table()
        left_out = engine.sql(_FAULTY).to_arrow_table().cast(LEFT_OUT)
        names = dict(engine.execute("SELECT enterprise_id, enterprise FROM hotels").fetchall())
    files = [
        {"enterprise_id": hotel, "enterprise": names.get(hotel), "fault": fault}
        for hotel, faults in sorted(unreadable.items())
        for fault in faults
    ]
    left_out = pa.concat_tables([left_out, pa.Table.from_pylist(files, LEFT_OUT)])
    return rows.select(mart.schema.names).cast(mart.schema), left_out


_FAULTY = """
SELECT enterprise_id, enterprise, fault, CAST(sum(items) AS BIGINT) AS rows
FROM all_given WHERE fault IS NOT NULL
GROUP BY ALL HAVING sum(items) > 0 ORDER BY ALL
"""


def draw(mart: Mart, rows: pa.Table, as_of: datetime, hotels: Mapping[str, str] | None = None) -> bytes:
    """The mart's plot. `hotels` are the names of all hotels by id: it names those that it has nothing of."""
    from mews_assets.marts.plot_png import to_png  # imports matplotlib, which takes a second

    return to_png(with_absent(mart.plot(rows, as_of), rows, hotels or {}))


def with_absent(plot: Plot, rows: pa.Table, hotels: Mapping[str, str]) -> Plot:
    """The plot with the names of the hotels that it does not show."""
    shown = plot.hotels
    if shown is None:
        shown = frozenset(rows.column("enterprise_id").unique().to_pylist())
    absent = sorted(name or id for id, name in hotels.items() if id not in shown)
    if not absent:
        return plot
    more = f" and {len(absent) - _MAX_ABSENT} more" if len(absent) > _MAX_ABSENT else ""
    return replace(plot, note=f"nothing to show of: {', '.join(absent[:_MAX_ABSENT])}{more}")


_MAX_ABSENT = 6
"""Hotels that a plot names as left out."""


def _names(lake: Lake) -> dict[str, str]:
    with lake.workspace() as workspace:
        path = lake.local_copy(layout.reference_file("enterprises"), workspace)
        rows = pq.read_table(path, columns=["id", "name"], partitioning=None)
    return dict(zip(rows.column("id").to_pylist(), rows.column("name").to_pylist(), strict=True))


def _unnamed(rows: pa.Table, name: str) -> int:
    missing = pc.is_null(rows.column(name))
    if f"{name}_id" in rows.column_names and name == "accounting_category":
        missing = pc.and_(missing, pc.is_valid(rows.column(f"{name}_id")))
    return int(pc.sum(missing).as_py() or 0)
