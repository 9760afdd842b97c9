"""`mews-assets pull TABLE`: capture and write partitions without Dagster."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from contextlib import ExitStack
from datetime import UTC, datetime

from mews_assets.windows import from_api, to_api


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", help="such as order_items")
    parser.add_argument(
        "--scope", action="append", metavar="ID", help="enterprise or chain; all that are seen if left out"
    )
    parser.add_argument("--start", required=True, metavar="D", help="first day, or instant, in UTC")
    parser.add_argument(
        "--end", required=True, metavar="D", help="the day, or instant, at which to end; not included"
    )


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import load_dotenv
    from mews_assets.clients import client_of
    from mews_assets.ingest.directory import discover, time_at_mews
    from mews_assets.ingest.materialise import materialise
    from mews_assets.lake.dealing import Partition
    from mews_assets.lake.store import open_lake
    from mews_assets.settings import SettingError, read_privacy, read_settings
    from mews_assets.windows import windows_between

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells every request
    load_dotenv()
    start, end = _instant("--start", args.start), _instant("--end", args.end)
    if not os.environ.get("MEWS_START_DATE"):
        os.environ["MEWS_START_DATE"] = start.date().isoformat()
    named = catalog.table(args.table).name
    settings = read_settings({**os.environ, "MEWS_TABLES": named})
    table = next(one for one in settings.tables if one.name == named)  # fetched as MEWS_FETCH says
    windows = list(windows_between(start, end, settings.grain))
    if not windows:
        raise SettingError(
            f"--start {args.start} to --end {args.end} holds no whole {settings.grain.value} window"
        )
    if (windows[0].start, windows[-1].end) != (start, end):
        covered = f"{to_api(windows[0].start)} to {to_api(windows[-1].end)}"
        print(f"only whole {settings.grain.value} windows are pulled: {covered}", file=sys.stderr)
    lake = open_lake(settings.lake, settings.grain, read_privacy(os.environ))
    with ExitStack() as stack:
        clients = {one.name: stack.enter_context(client_of(settings, one)) for one in settings.connections}
        directory = discover(clients, {one.name: one.enterprises for one in settings.connections})
        scopes = args.scope or directory.scopes(table.scope)
        for scope in scopes:
            directory.connection_of(
                table.scope, scope
            )  # what nobody sees is told before anything is asked for
        wanted = [Partition(scope, window) for scope in scopes for window in windows]
        result = materialise(
            lake, table, wanted, clients, directory, lambda: time_at_mews(clients, datetime.now(UTC))
        )
    for name, merged in result.merged.items():
        rows = sum(one.measures.rows for one in merged.partitions.values())
        print(f"{lake.uri(f'changes/{name}')}: {len(merged.partitions)} partitions, {rows} rows")
    for partitions, error in result.failed:
        print(f"failed: {len(partitions)} partitions: {error}")
    return 1 if result.failed else 0


def _instant(option: str, text: str) -> datetime:
    from mews_assets.settings import SettingError

    try:
        return from_api(text)
    except ValueError as error:
        raise SettingError(f"{option}: {error}") from None
