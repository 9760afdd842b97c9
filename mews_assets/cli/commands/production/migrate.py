"""`mews-assets migrate`: brings a lake of an older format to the present one."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import load_dotenv
    from mews_assets.lake.maintenance.migrate import Progress, format_of, migrate, owed
    from mews_assets.lake.storage.lake import FORMAT, open_standing
    from mews_assets.settings import read_lake, read_memory

    load_dotenv()
    lake = replace(open_standing(read_lake(os.environ)), memory=read_memory(os.environ))

    def show(progress: Progress) -> None:
        print(f"{progress.table}: {progress.step}: {progress.files} files", flush=True)

    if format_of(lake) == FORMAT:
        print(f"{lake.root} has format {FORMAT}: nothing to do")
        return 0
    if args.dry_run:
        for progress in owed(lake, catalog.TABLES):
            show(progress)
        print(
            f"{lake.root} has format {format_of(lake)}, and would have format {FORMAT}; nothing was changed"
        )
        return 0
    before = migrate(lake, catalog.TABLES, show)
    print(f"{lake.root} had format {before}, and has format {FORMAT}")
    return 0
