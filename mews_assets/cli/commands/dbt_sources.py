"""`mews-assets dbt-sources`: dbt's sources.yml, written from the catalog."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.catalog.model import RecordType
    from mews_assets.settings import Settings

FILE = "mews_sources.yml"
_REFERENCE_HOURS = 48
"""The reference tables are refreshed once a day."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help=f"folder of dbt models to write {FILE} into")
    parser.add_argument(
        "--schema", help="schema of a warehouse that holds the tables; by default dbt-duckdb reads the lake"
    )


def run(args: argparse.Namespace) -> int:
    import yaml

    from mews_assets.cli.home import load_dotenv
    from mews_assets.publish.dbt_sources import SourceOptions, lake_sources, warehouse_sources
    from mews_assets.settings import read_settings

    load_dotenv()
    settings = read_settings({"MEWS_START_DATE": f"{datetime.now(UTC):%Y-%m-%d}", **os.environ})

    def stale_after(table: RecordType) -> int:
        return _stale_after_hours(table, settings)

    options = SourceOptions(stale_after, settings.key_prefix)
    if args.schema:
        document = warehouse_sources(args.schema, settings.tables, settings.references, options)
    else:
        lake = settings.lake if "://" in settings.lake else str(Path(settings.lake).absolute())
        document = lake_sources(lake, settings.tables, settings.references, options)
    target = args.folder / FILE
    args.folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    target.write_text(
        f"# Written by `mews-assets dbt-sources`: write it again, do not edit it.\n{text}", encoding="utf-8"
    )
    count = sum(len(source["tables"]) for source in document["sources"])
    print(f"{target}: {count} tables in {len(document['sources'])} sources")
    return 0


def _stale_after_hours(table: RecordType, settings: Settings) -> int:
    """The age of the newest capture from which a table is late."""
    from mews_assets.catalog.model import Table
    from mews_assets.ingest.freshness import Cadence

    if not isinstance(table, Table):
        return _REFERENCE_HOURS
    cadence = Cadence(settings.start, settings.grain, settings.allowed_lag, table.by_day)
    return -(-int(cadence.longest_silence.total_seconds()) // 3600)
