"""What the ledger entries of the lake move each ledger by, on each day, as of an instant of that day's own.

Lives here: adding up debits and credits of one hotel, exactly, and when each of its windows was last captured.
Not here: the comparison with Mews' balances (`defs.checks.reconciliation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa

from mews_assets.catalog.arrow import UTC_MICROSECONDS, arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.landing.capture_store import captures_since
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.duckdb_paths import parquet
from mews_assets.lake.storage.duckdb_session import open_duckdb
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Window, to_key, window_at

Moves = dict[tuple[date, str], Decimal]
"""By day and ledger: debits less credits."""


def captured_until(lake: Lake, table: Table, since: datetime) -> dict[tuple[str, Window], datetime]:
    """By hotel and window: when the newest capture was taken whose rows are in changes, of those taken `since`."""
    waiting = {
        name.rpartition("/")[2].removesuffix(".json")
        for name in lake.files(layout.pending_folder(table.name))
    }
    found: dict[tuple[str, Window], datetime] = {}
    for manifest in captures_since(lake, table.name, since):
        if manifest.capture in waiting:
            continue
        for key in manifest.partitions(lake.grain):
            found[key] = max(found.get(key, manifest.captured_at), manifest.captured_at)
    return found


def moves_of(lake: Lake, table: Table, scope: str, as_of: Mapping[date, datetime]) -> Moves:
    """The moves of the days that `as_of` names, by the entries that had been created by then."""
    windows = {to_key(window_of_day(lake, day), lake.grain) for day in as_of}
    names = [layout.changes_file(table.name, scope, window) for window in sorted(windows)]
    existing = sorted(lake.existing(names)) if names else []
    if not existing:
        return {}
    days = pa.table(
        {
            "day": pa.array(list(as_of), pa.date32()),
            "as_of": pa.array(list(as_of.values()), UTC_MICROSECONDS),
        }
    )
    with lake.workspace() as workspace, open_duckdb(workspace, memory=lake.memory) as engine:
        engine.register("days", days)
        files = [lake.local_copy(name, workspace) for name in existing]
        rows = engine.execute(
            "SELECT days.day, entries.ledger_type, "
            "sum(CASE entries.ledger_entry_type WHEN 'Debit' THEN entries.value ELSE -entries.value END) "
            f"FROM {parquet(files, arrow_schema(table))} entries JOIN days ON days.day = entries.posting_date "
            "WHERE entries.created_utc <= days.as_of GROUP BY ALL"
        ).fetchall()
    return {(day, ledger): value for day, ledger, value in rows if value is not None}


def window_of_day(lake: Lake, day: date) -> Window:
    """The window that holds the postings of a day."""
    return window_at(_midnight(day), lake.grain)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
