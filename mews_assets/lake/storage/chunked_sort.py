"""Rows put in order, however many: in slices that a sort in memory can hold.

Lives here: cutting rows into slices of their own order, and sorting slice after slice. A sort of whole records,
with all that is nested in them, does not spill: DuckDB ended one of a million order items for want of memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import duckdb
import pyarrow as pa

SLICE_ROWS = 150_000
"""Sorted at a time. 380,000 order items of 1.6 kB were seen to fit into 400 MB; other records are longer."""
_SAMPLED_PER_SLICE = 50
"""Slices come out within about a fifth of each other."""
_BATCH_ROWS = 16_384


def sorted_batches(
    engine: duckdb.DuckDBPyConnection,
    rows: str,
    columns: str,
    keys: tuple[str, ...],
    then: tuple[str, ...],
    count: int,
) -> Iterator[pa.RecordBatch]:
    """The columns of a query's rows, by the keys and, where these are equal, by `then`.

    The keys are SQL expressions that are never null. `count` is about how many rows there are.
    """
    # With names: DuckDB before 2.0 makes no table of a row without.
    key = "{" + ", ".join(f"k{number}: {one}" for number, one in enumerate(keys)) + "}"
    cuts: list[int | None] = [None, *_cuts(engine, rows, key, -(-count // SLICE_ROWS)), None]
    for low, high in pairwise(cuts):
        limits = [f"{key} >= {_cut(low)}"] if low else []
        limits += [f"{key} < {_cut(high)}"] if high else []
        where = f"WHERE {' AND '.join(limits)}" if limits else ""
        slice_ = f"SELECT {columns} FROM ({rows}) {where} ORDER BY {', '.join((*keys, *then))}"
        yield from engine.sql(slice_).to_arrow_reader(_BATCH_ROWS)


def _cuts(engine: duckdb.DuckDBPyConnection, rows: str, key: str, slices: int) -> list[int]:
    """Where slices after the first begin: positions in `cut`, which holds the keys of a sample in their order."""
    if slices < 2:
        return []
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE cut AS SELECT key, row_number() OVER (ORDER BY key) AS position FROM ("
        f"SELECT {key} AS key FROM ({rows}) USING SAMPLE reservoir({slices * _SAMPLED_PER_SLICE} ROWS))"
    )
    ((sampled,),) = engine.execute("SELECT count(*) FROM cut").fetchall()
    return sorted({sampled * at // slices + 1 for at in range(1, slices)} - {sampled + 1})


def _cut(position: int) -> str:
    return f"(SELECT key FROM cut WHERE position = {position})"
