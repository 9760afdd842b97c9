"""Files of a mart's inputs that cannot be read, hotel by hotel.

Lives here: finding them, once a query has failed, and their faults in words. Not here: leaving the hotel out (`make`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import is_of_memory
from mews_assets.marts.inputs import ENTERPRISES, files_of, schema_of

READ_ERRORS = (duckdb.Error, pa.ArrowException, OSError)
_BATCH_ROWS = 2048


def unreadable_inputs(lake: Lake, workspace: Path, inputs: Iterable[str]) -> dict[str, list[str]]:
    """The faults by hotel: one for each file of `current` and `changes` that cannot be read to its end, with what to
    do.

    Raises LakeError on a reference that cannot be read: without it there is no mart.
    """
    found: dict[str, list[str]] = {}
    with open_duckdb(workspace, memory=lake.memory) as engine:
        for name in dict.fromkeys((*inputs, ENTERPRISES)):
            for file in files_of(lake, name):
                if _is_readable(engine, lake.local_copy(file, workspace), schema_of(name)):
                    continue
                then = f"cannot be read: delete it, and materialise {name}"
                if name.startswith(f"{layout.REFERENCE}/"):
                    raise LakeError(f"{lake.uri(file)} {then} again")
                found.setdefault(layout.scope_of(file), []).append(f"{file} {then} of the hotel again")
    return found


def _is_readable(engine: duckdb.DuckDBPyConnection, path: Path, schema: pa.Schema) -> bool:
    try:
        for _ in engine.sql(f"FROM {parquet([path], schema)}").to_arrow_reader(_BATCH_ROWS):
            pass
    except READ_ERRORS as error:
        if is_of_memory(error):
            raise
        return False
    return True
