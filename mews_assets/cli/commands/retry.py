"""`mews-assets retry`: captures that were set aside, tried again."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.catalog.model import Table
    from mews_assets.lake.storage.lake import Lake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", nargs="*", help="such as order_items; all tables if left out")


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import load_dotenv
    from mews_assets.lake.storage.lake import open_lake, open_standing
    from mews_assets.settings import read_lake, read_memory, read_privacy

    load_dotenv()
    tables = [catalog.table(name) for name in args.table] or catalog.TABLES
    location = read_lake(os.environ)
    lake = open_lake(location, open_standing(location).grain, read_privacy(os.environ))
    lake = replace(lake, memory=read_memory(os.environ))
    left = [problem for table in tables for problem in _tried(lake, table)]
    for problem in left:
        print(f"left: {problem}")
    return 1 if left else 0


def _tried(lake: Lake, table: Table) -> list[str]:
    """Try a table's captures that wait, and say what came of it. Gives the causes of those that are left."""
    from mews_assets.lake.changes.merge import merge
    from mews_assets.lake.current import snapshot
    from mews_assets.lake.errors import LakeError
    from mews_assets.lake.landing.unmerged_captures import try_again, unmerged_of
    from mews_assets.lake.storage import layout

    waiting = unmerged_of(lake, table.name)
    if not waiting:
        return []
    for name in layout.landings(table.name):
        try_again(lake, name)
    problems = []
    merged = merge(lake, table)
    problems += [str(one) for one in (*merged.rejected.values(), *merged.unmerged.values())]
    shown = layout.snapshot_landing(table.name)
    for scope in sorted({scope for one in waiting if one.table == shown for scope in one.scopes}):
        try:
            snapshot.merge_snapshots(lake, table, scope)
        except LakeError as error:
            problems.append(str(error))
    print(
        f"{table.name}: {len(waiting)} captures tried again, {len(waiting) - len(problems)} are in the table now"
    )
    return problems
