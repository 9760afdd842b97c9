"""`mews-assets status`: table by hotel, how fresh and how complete, and the exports under way."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mews_assets.catalog.model import Table
    from mews_assets.ingest.directory import Directory
    from mews_assets.lake.export_log import AskedExport
    from mews_assets.lake.store import Lake
    from mews_assets.settings import Settings


@dataclass(frozen=True)
class Line:
    """One table of one hotel or chain. `lag_hours` is since the end of the newest window there is."""

    table: str
    scope: str
    name: str
    newest_window: str | None
    lag_hours: float | None
    windows: int
    missing: int
    rows: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import DATA, HomeError, load_dotenv, trial, utc_now
    from mews_assets.ingest.directory import load_directory
    from mews_assets.lake import export_log
    from mews_assets.lake.store import open_lake
    from mews_assets.settings import read_settings

    load_dotenv()
    if not os.environ.get("MEWS_START_DATE") and (DATA / "sandbox.json").exists():
        os.environ["MEWS_START_DATE"] = trial(utc_now()).start_date
    settings = read_settings(os.environ)
    lake = open_lake(settings.lake, settings.grain)
    directory = load_directory(lake)
    if directory is None:
        raise HomeError(f"{settings.lake} knows no hotels yet: run the job `enterprises`, or `make demo`")
    now = datetime.now(UTC)
    lines = [line for table in settings.tables for line in survey(lake, table, settings, directory, now)]
    exports = [
        one
        for connection in sorted(set(directory.connection_by_enterprise.values()))
        for table in settings.tables
        for one in export_log.asked(lake, connection, table.name)
    ]
    print(_json(lines, exports, now) if args.json else "\n".join(_text(lines, exports, directory, now)))
    return 0


def survey(
    lake: Lake, table: Table, settings: Settings, directory: Directory, now: datetime
) -> Iterable[Line]:
    """One line for each scope of the table that the connections see."""
    from mews_assets.lake.holdings import Holdings, holdings
    from mews_assets.windows import from_key, settled_windows, to_key

    held = holdings(lake, table)
    settled = {
        to_key(window, settings.grain) for window in settled_windows(settings.start, now, settings.grain)
    }
    for scope in directory.scopes(table.scope):
        there = held.get(scope, Holdings(frozenset(), 0, 0, None))
        newest = max(there.windows, default=None)
        lag = (now - from_key(newest, settings.grain).end).total_seconds() / 3600 if newest else None
        yield Line(
            table=table.name,
            scope=scope,
            name=directory.name_of(table.scope, scope),
            newest_window=newest,
            lag_hours=round(lag, 1) if lag is not None else None,
            windows=len(there.windows),
            missing=len(settled - there.windows),
            rows=there.rows,
        )


def _json(lines: list[Line], exports: list[AskedExport], now: datetime) -> str:
    flying: list[dict[str, Any]] = [
        {
            "id": one.id,
            "table": one.table,
            "connection": one.connection,
            "scopes": len(one.scopes),
            "window": str(one.window),
            "age_minutes": round((now - one.asked_at).total_seconds() / 60, 1),
        }
        for one in exports
    ]
    return json.dumps({"tables": [vars(line) for line in lines], "exports": flying}, indent=1)


def _text(
    lines: list[Line], exports: list[AskedExport], directory: Directory, now: datetime
) -> Iterable[str]:
    zones = {one.id: one.time_zone for one in directory.enterprises.values()}
    yield (
        f"{'table':26} {'hotel or chain':30} {'newest window':13} {'lag':>8} {'windows':>7} {'missing':>7} "
        f"{'rows':>9}  time zone"
    )
    for line in lines:
        lag = f"{line.lag_hours:.1f} h" if line.lag_hours is not None else "-"
        yield (
            f"{line.table:26} {line.name[:30]:30} {line.newest_window or '-':13} {lag:>8} {line.windows:>7} "
            f"{line.missing:>7} {line.rows:>9}  {zones.get(line.scope, '')}"
        )
    yield ""
    yield f"{len(exports)} exports under way"
    for one in exports:
        age = (now - one.asked_at).total_seconds() / 60
        yield f"  {one.table}: {one.id} by {one.connection}, {len(one.scopes)} scopes, {one.window}, {age:.0f} min old"
