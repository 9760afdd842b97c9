"""A small lake with rows in changes, current and marts, for tests of SQL."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, SOUTH, at, days, item, land


def fill(folder: Path) -> Lake:
    """Two versions of one order item, another in the south, a mart."""
    lake = open_lake(str(folder), Grain.DAILY)
    records = [item("a", at(2)), item("a", at(3)), item("s", at(3), SOUTH)]
    land(lake, ORDER_ITEMS, records, days(2, 4), scopes=(NORTH, SOUTH))
    merge(lake, ORDER_ITEMS, threads=1)
    for scope in (NORTH, SOUTH):
        update_current(lake, ORDER_ITEMS, scope, threads=1)
    mart = folder / layout.mart_file("daily_revenue")
    mart.parent.mkdir(parents=True)
    pq.write_table(pa.table({"day": ["2026-03-02"], "net": [1.5]}), mart)
    return lake
