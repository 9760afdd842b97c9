"""`mews-assets pull TABLE`: pulls and writes partitions, or snapshots, without Dagster."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mews_assets.cli.progress import shown_progress
from mews_assets.cli.scope_option import add_scope_option
from mews_assets.windows import from_api, to_api

if TYPE_CHECKING:
    from mews_assets.api import MewsClient
    from mews_assets.catalog.model import Table
    from mews_assets.ingest.directory import Directory
    from mews_assets.lake.progress import Progress
    from mews_assets.lake.storage.lake import Lake
    from mews_assets.settings import Settings


_AHEAD = timedelta(days=1)
"""The tolerance for --end: Mews' clock decides what has settled, and it may differ from ours."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", help="such as order_items")
    add_scope_option(parser, "default: all that the connections see")
    parser.add_argument("--start", metavar="D", help="first day, or instant, in UTC")
    parser.add_argument("--end", metavar="D", help="the day, or instant, at which to end; exclusive")
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="all records instead, whatever their age: one export for each scope, which may take hours",
    )
    parser.set_defaults(refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import load_dotenv
    from mews_assets.log_format import log_to_terminal

    if args.snapshot and (args.start or args.end):
        args.refuse("--snapshot brings all there is: leave out --start and --end")
    if not args.snapshot and not (args.start and args.end):
        args.refuse("--start and --end are required, unless --snapshot is given")
    load_dotenv()
    with shown_progress() as progress:
        log_to_terminal()  # while the bar is shown, so that lines stand above it
        return _snapshot(args, progress) if args.snapshot else _pull(args, progress)


def _pull(args: argparse.Namespace, progress: Progress) -> int:
    from mews_assets.ingest.directory import time_at_mews
    from mews_assets.ingest.materialise import PartitionRequest, materialise
    from mews_assets.ingest.pull import Puller
    from mews_assets.lake.partition import Partition
    from mews_assets.settings import SettingError
    from mews_assets.windows import windows_between

    start, end = _instant("--start", args.start), _instant("--end", args.end)
    if end > datetime.now(UTC) + _AHEAD:
        raise SettingError(f"--end {args.end} lies in the future: Mews answers for the past only")
    table, settings, lake = _read(args.table, start)
    windows = list(windows_between(start, end, settings.grain))
    if not windows:
        raise SettingError(
            f"--start {args.start} to --end {args.end} holds no whole {settings.grain.value} window"
        )
    if (windows[0].start, windows[-1].end) != (start, end):
        covered = f"{to_api(windows[0].start)} to {to_api(windows[-1].end)}"
        print(f"only whole {settings.grain.value} windows are pulled: {covered}", file=sys.stderr)
    with _open(settings, lake) as (clients, directory):
        wanted = [Partition(scope, window) for scope in _scopes(args, table, directory) for window in windows]
        puller = Puller(lake, lambda: time_at_mews(clients, datetime.now(UTC)), progress=progress)
        result = materialise(table, PartitionRequest(wanted), clients, directory, puller)
    for name, merged in result.merged.items():
        rows = sum(partition.measures.rows for partition in merged.partitions.values())
        print(f"{lake.uri(f'changes/{name}')}: {len(merged.partitions)} partitions, {rows} rows")
        print(f"current/{name} gets them when Dagster makes it the next time")
    for partitions, error in result.failed:
        print(f"failed: {len(partitions)} partitions: {error}")
    return 1 if result.failed else 0


def _snapshot(args: argparse.Namespace, progress: Progress) -> int:
    from mews_assets.ingest.directory import time_at_mews
    from mews_assets.ingest.pull import Puller
    from mews_assets.ingest.snapshot import take_snapshots

    table, settings, lake = _read(args.table, datetime.now(UTC))
    failed = 0
    with _open(settings, lake) as (clients, directory):
        puller = Puller(lake, lambda: time_at_mews(clients, datetime.now(UTC)))
        scopes = _scopes(args, table, directory)
        taken = take_snapshots(table, scopes, clients, directory, puller)
        for number, (scope, snapshot) in enumerate(taken, 1):
            progress("taking snapshots", number, len(scopes))
            if isinstance(snapshot, Exception):
                failed += 1
                print(f"failed: {directory.name_of(table.scope, scope)}: {snapshot}")
            else:
                print(
                    f"{lake.uri(snapshot.name)}: {snapshot.rows} rows, "
                    f"{snapshot.rows - snapshot.rows_before} of them new to it"
                )
    print(f"current/{table.name} gets them when it is made the next time")
    return 1 if failed else 0


def _read(name: str, start: datetime) -> tuple[Table, Settings, Lake]:
    from mews_assets import catalog
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.settings import read_privacy, read_settings

    if not os.environ.get("MEWS_START_DATE"):
        os.environ["MEWS_START_DATE"] = start.date().isoformat()
    named = catalog.table(name).name
    settings = read_settings({**os.environ, "MEWS_TABLES": named})
    table = next(
        table for table in settings.tables if table.name == named
    )  # with the fetch method of MEWS_FETCH
    lake = open_lake(settings.lake, settings.grain, read_privacy(os.environ))
    return table, settings, replace(lake, memory=settings.memory)


@contextmanager
def _open(settings: Settings, lake: Lake) -> Iterator[tuple[dict[str, MewsClient], Directory]]:
    """Clients and directory. The directory is saved if the lake has none yet: otherwise `status` would show nothing."""
    from mews_assets.clients import client_of
    from mews_assets.ingest.directory import discover, load_directory, save_directory, time_at_mews

    with ExitStack() as stack:
        clients = {
            connection.name: stack.enter_context(client_of(settings, connection))
            for connection in settings.connections
        }
        directory = discover(
            clients, {connection.name: connection.enterprises for connection in settings.connections}
        )
        if (known := load_directory(lake)) is None:
            directory = save_directory(lake, directory, time_at_mews(clients, datetime.now(UTC)))
        else:  # not saved: these connections may see fewer hotels
            directory = directory.with_keys(known.keys)
        yield clients, directory


def _scopes(args: argparse.Namespace, table: Table, directory: Directory) -> list[str]:
    """The scopes to pull. Raises UnknownScopeError where a name is no scope's or several's, before any request for
    rows."""
    from mews_assets.settings import SettingError

    if not directory.scopes(table.scope):
        raise SettingError(
            f"no connection sees any {table.scope.value}: run mews-assets doctor, and look at `enterprises` in "
            "MEWS_CONNECTIONS"
        )
    if not args.scope:
        return directory.scopes(table.scope)
    return list(dict.fromkeys(directory.find(text, table.scope).id for text in args.scope))


def _instant(option: str, text: str) -> datetime:
    from mews_assets.settings import FIRST_YEAR, SettingError

    try:
        instant = from_api(text)
    except ValueError:
        instant = None
    if instant is None or instant.year < FIRST_YEAR:
        raise SettingError(
            f"{option} is {text!r}; accepted are a day such as 2026-03-22 and an instant such as 2026-03-22T12:00:00Z"
        )
    return instant
