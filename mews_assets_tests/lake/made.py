"""Made-up records, files of them, and captures landed in a lake."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Kind, Table
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.changes.merge_result import MergedCapture, MergeResult
from mews_assets.lake.conversion.convert import Converted, convert
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest, new_capture_id
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Window

ORDER_ITEMS, LEDGER, BILLS = table_of("order_items"), table_of("ledger_entries"), table_of("bills")
OUTLET_ITEMS, OUTLET_BILLS = table_of("outlet_items"), table_of("outlet_bills")
ADJUSTMENTS = table_of("availability_adjustments")

NORTH, SOUTH = "52fd68fc-north", "9cf95deb-south"
BOTH = (NORTH, SOUTH)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
CAPTURED = datetime(2026, 4, 1, tzinfo=UTC)
OWN = {"_landing_id": "'made'", "_captured_at_utc": "TIMESTAMPTZ '2026-04-01 00:00:00+00:00'"}
_numbers = itertools.count(1)


def at(day: int, hour: float = 0.0) -> datetime:
    """An instant in March 2026."""
    return FIRST + timedelta(days=day - 1, hours=hour)


def days(first: int, after: int) -> Window:
    """From one day of March 2026 to before another."""
    return Window(at(first), at(after))


def stamp(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def item(name: str, updated: datetime | None, scope: str = NORTH, /, **more: Any) -> dict[str, Any]:
    """An order item (any table with EnterpriseId and UpdatedUtc takes it too)."""
    return {"Id": name, "EnterpriseId": scope, "UpdatedUtc": stamp(updated), **more}


def entry(name: str, day: str, scope: str = NORTH, /, **more: Any) -> dict[str, Any]:
    created = f"{day}T12:00:00Z"
    return {"Id": name, "EnterpriseId": scope, "PostingDate": day, "CreatedUtc": created, **more}


def outlet_item(name: str, bill: str, consumed: datetime, updated: datetime) -> dict[str, Any]:
    return item(name, updated, NORTH, BillId=bill, ConsumedUtc=stamp(consumed))


def json_line(record: dict[str, Any]) -> bytes:
    """As Mews writes it: compact, one line."""
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def write_file(path: Path, content: bytes | Iterable[dict[str, Any]]) -> Path:
    """A file of JSON Lines, packed as its name says."""
    raw = content if isinstance(content, bytes) else b"".join(map(json_line, content))
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)(raw)
    path.write_bytes(packed)
    return path


def converted(
    tmp_path: Path,
    content: bytes | Iterable[dict[str, Any]],
    table: Table = ORDER_ITEMS,
    name: str = "x.jsonl",
) -> tuple[Converted, pa.Table]:
    """What came of converting one file."""
    target = tmp_path / "rows.parquet"
    done = convert(table, [write_file(tmp_path / name, content)], target, own=OWN, threads=1)
    return done, pq.read_table(target)


def land(
    lake: Lake,
    table: Table,
    records: bytes | Iterable[dict[str, Any]],
    window: Window,
    *,
    scopes: tuple[str, ...] = (NORTH,),
    capture: str = "",
    captured_at: datetime | None = None,
) -> Manifest:
    """A capture, landed as a pull does it. Later ones are captured later."""
    number = next(_numbers)
    captured_at = captured_at or CAPTURED + timedelta(seconds=number)
    capture = capture or new_capture_id(captured_at)
    with lake.workspace() as workspace:
        source = write_file(workspace / "part.jsonl", records)
        manifest = Manifest(capture, table.name, "portfolio", scopes, window, captured_at, {"made": number})
        return capture_store.land(lake, manifest, [source], workspace)


def rows(lake: Lake, table: Table, scope: str, key: str) -> pa.Table:
    """A partition as a reader finds it."""
    with lake.open_input_file(layout.changes_file(table.name, scope, key)) as source:
        return pq.read_table(source)


def ids(lake: Lake, table: Table, scope: str, key: str) -> list[str]:
    return list(rows(lake, table, scope, key).column("id").to_pylist())


def everything(lake: Lake, table: Table) -> dict[str, pa.Table]:
    """All partitions of a table by their file's name."""
    found = {}
    for name in lake.files(layout.changes_folder(table.name), recursive=True):
        with lake.open_input_file(name) as source:
            found[name] = pq.read_table(source)
    return found


def full_record(table: Table, number: int = 1) -> dict[str, Any]:
    """A record with every column filled, deprecated ones too, told apart by `number`."""
    return {column.name: _filled(column, number) for column in table.columns}


def _filled(column: Any, number: int) -> Any:
    single = _single(column, number)
    return [single, single] if column.is_list else single


def _single(column: Any, number: int) -> Any:
    if column.kind is Kind.OBJECT:
        return {nested.name: _filled(nested, number) for nested in column.columns}
    if column.kind is Kind.JSON:
        return {"Deep": [number, {"er": None}]}
    made = {
        Kind.STRING: f"{column.name} {number} \u00e9 \U0001f600 \"'\\",
        Kind.ENUM: column.values[number % len(column.values)] if column.values else "",
        Kind.UTC: stamp(at(1 + number % 28, 5.5)),
        Kind.DATE: at(1 + number % 28).date().isoformat(),
        Kind.INTEGER: number * 7,
        Kind.NUMBER: number * 1.25,
        Kind.DECIMAL: number * 0.5,
        Kind.BOOLEAN: number % 2 == 0,
    }
    return made[column.kind]


def march(day: int) -> str:
    """A day of it, as partitions are named."""
    return f"2026-03-{day:02}"


def partition(day: int, scope: str = NORTH) -> Partition:
    """The partition of one day of March 2026."""
    return Partition(scope, days(day, day + 1))


def capture_of(merged: MergeResult) -> Any:
    """What became of the only capture that was merged."""
    (found,) = merged.captures.values()
    return found


def merged_items(lake: Lake, records: Any, window: Window, **more: Any) -> MergeResult:
    """Order items landed and merged."""
    land(lake, ORDER_ITEMS, records, window, **more)
    return merge(lake, ORDER_ITEMS, threads=1)


def is_reconciled(capture: MergedCapture) -> bool:
    """Whether every record of a capture is in a partition, at an edge, or in one it was not read for."""
    records = capture.manifest.lines - capture.findings.blank_lines
    explained = capture.rows_assigned + capture.edge_rows + capture.aside
    return not capture.unexplained and records == capture.findings.lines == explained
