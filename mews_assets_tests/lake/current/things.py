"""A made-up table and its versions, for tests of the order of versions and of current tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.columns import string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Table
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import plain
from mews_assets_tests.lake.made import at

THINGS = Table(
    "things",
    "Thing",
    "One row per version of a thing.",
    (
        shapes.row_id("thing"),
        shapes.ENTERPRISE_ID,
        string("Name", "What it is called."),
        utc("UpdatedUtc", "When it was last changed."),
    ),
    Export("Thing"),
)
SCHEMA = plain(arrow_schema(THINGS))


def thing(
    name: str, version: Any, capture: int = 1, landing: str = "a", window: Any = None
) -> dict[str, Any]:
    """A version whose name tells all that its rank depends on: of one rank, two are the same row."""
    window = window or version or at(1)
    return {
        "id": name,
        "enterprise_id": "north",
        "name": f"{name} {version} {capture} {landing} {window}",
        "updated_utc": version,
        "_landing_id": landing,
        "_captured_at_utc": at(20, capture),
        "_window_utc": window,
    }


def newness(row: dict[str, Any]) -> tuple[Any, ...]:
    version = row["updated_utc"] or at(1) - timedelta(days=999)
    return version, row["_captured_at_utc"], row["_landing_id"], row["_window_utc"]


def newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The truth, the slow way."""
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["id"] not in best or newness(row) > newness(best[row["id"]]):
            best[row["id"]] = row
    return [best[name] for name in sorted(best)]


def batches(rows: list[dict[str, Any]], size: int) -> list[pa.RecordBatch]:
    table = pa.Table.from_pylist(newest(rows), SCHEMA)
    return [batch for batch in table.to_batches(max_chunksize=size) if batch.num_rows]


def names(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["id"], row["name"]) for row in rows]


versions = st.builds(
    thing,
    st.sampled_from(["a", "b", "B", "é", "z", "aa", "\U0001f600", "\uffee", "c", "d", "e"]),
    st.one_of(st.none(), st.integers(2, 6).map(at)),
    st.integers(1, 3),
    st.sampled_from(["a", "b"]),
    st.one_of(st.none(), st.integers(2, 6).map(at)),
)


def read(lake: Lake, name: str) -> list[dict[str, Any]]:
    """The rows of a file of the lake."""
    with lake.open_input_file(name) as source:
        return list(pq.read_table(source).to_pylist())
