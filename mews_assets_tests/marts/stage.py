"""A lake in which all that happened in a few simulated hotels has been captured, version by version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mews_assets import catalog
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation import simulate
from mews_assets.windows import Grain

NOW = datetime(2026, 4, 10, 9, 30, tzinfo=UTC)
AS_OF = datetime(2026, 4, 10, tzinfo=UTC)
DAYS = 40
WINDOW = "2026-04-09"
TABLES = (
    *("order_items", "outlet_items", "outlet_bills", "ledger_entries", "reservations"),
    *("resource_blocks", "payments", "bills"),
)
DAY_US = 86_400_000_000
AS_OF_US = int(AS_OF.timestamp()) * 1_000_000


def versions() -> list[Version]:
    return list(simulate(hotels=3, days=DAYS, seed=11, now=NOW, rooms=12))


def fill(folder: Path, versions: Iterable[Version]) -> Lake:
    """A lake that holds all those versions in changes, the reference, and current tables made from changes."""
    lake = open_lake(str(folder), Grain.DAILY)
    found: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for version in versions:
        if version.stamp_us < AS_OF_US:
            found[version.entity, version.scope].append(version.record)
    for reference in REFERENCES:
        records = [
            line for (entity, _), lines in found.items() if entity == reference.entity for line in lines
        ]
        write_reference(lake, reference, records, NOW, [])
    for name in TABLES:
        put_changes(lake, name, found)
    return lake


def put_changes(
    lake: Lake,
    name: str,
    found: dict[tuple[str, str], list[bytes]],
    *,
    window: str = WINDOW,
    capture: str = "made",
    captured_at: datetime = NOW,
) -> None:
    table = catalog.table(name)
    own = {
        "_landing_id": f"'{capture}'",
        "_captured_at_utc": f"TIMESTAMPTZ '{captured_at.isoformat()}'",
        "_window_utc": "NULL::TIMESTAMPTZ",
    }
    for (entity, scope), lines in found.items():
        if entity != table.entity:
            continue
        with lake.workspace() as workspace:
            source, target = workspace / "lines.jsonl", workspace / "rows.parquet"
            source.write_bytes(b"".join(line + b"\n" for line in lines))
            convert(table, [source], target, own=own)
            lake.put(target, layout.changes_file(name, scope, window))
        update_current(lake, table, scope)
