"""`mews-assets retry`: merges captures again that were set aside."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from mews_assets.cli.scope_option import add_scope_option, chosen_scopes

if TYPE_CHECKING:
    from mews_assets.catalog.model import Table
    from mews_assets.lake.storage.lake import Lake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", nargs="*", help="such as order_items; all tables if left out")
    add_scope_option(parser, "only captures that hold rows of it")


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import HomeError, load_dotenv
    from mews_assets.ingest.directory import load_directory
    from mews_assets.lake.storage.lake import open_lake, open_standing
    from mews_assets.settings import read_lake, read_memory, read_privacy

    load_dotenv()
    tables = [catalog.table(name) for name in args.table] or catalog.TABLES
    location = read_lake(os.environ)
    lake = open_lake(location, open_standing(location).grain, read_privacy(os.environ))
    lake = replace(lake, memory=read_memory(os.environ))
    directory = load_directory(lake) if args.scope else None
    if args.scope and directory is None:
        raise HomeError(f"{location} has no list of hotels yet: leave out --scope")
    chosen = chosen_scopes(directory, args.scope) if directory is not None else None
    problems = [problem for table in tables for problem in _retry(lake, table, chosen)]
    for problem in problems:
        print(f"not merged: {problem}")
    return 1 if problems else 0


def _retry(lake: Lake, table: Table, scopes: Collection[str] | None) -> list[str]:
    """Merge a table's unmerged captures again, all or those of some scopes, and print the result.

    Returns the causes of those that failed again.
    """
    from mews_assets.lake.changes.merge import merge
    from mews_assets.lake.current import snapshot
    from mews_assets.lake.errors import LakeError
    from mews_assets.lake.landing.unmerged_captures import try_again, unmerged_of
    from mews_assets.lake.storage import layout

    unmerged = [
        capture
        for capture in unmerged_of(lake, table.name)
        if scopes is None or not set(capture.scopes).isdisjoint(scopes)
    ]
    if not unmerged:
        return []
    for name in layout.landings(table.name):
        try_again(lake, name, [capture.capture for capture in unmerged if capture.table == name])
    problems = []
    merged = merge(lake, table)
    problems += [str(error) for error in (*merged.rejected.values(), *merged.unmerged.values())]
    landing = layout.snapshot_landing(table.name)
    for scope in sorted(
        {scope for capture in unmerged if capture.table == landing for scope in capture.scopes}
    ):
        try:
            snapshot.merge_snapshots(lake, table, scope)
        except LakeError as error:
            problems.append(str(error))
    print(
        f"{table.name}: {len(unmerged)} captures tried again, {len(unmerged) - len(problems)} of them merged"
    )
    return problems
