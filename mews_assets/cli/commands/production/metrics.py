"""`mews-assets metrics`: serves the figures of lake, Dagster and this machine's processes to Prometheus."""

from __future__ import annotations

import argparse
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from mews_assets.defs.production.exporter import Standing

READ_EVERY_SECONDS = 30.0
"""Figures of the lake and of Dagster are this old at most: several that ask read them once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=9464)
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine alone can ask")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import load_dotenv
    from mews_assets.lake_location import SettingError

    load_dotenv()
    try:
        from prometheus_client import start_http_server
    except ImportError:
        raise SettingError("metrics need a package: pip install 'mews_assets[metrics]'") from None
    from mews_assets.defs.production.exporter import registry_of

    server, thread = start_http_server(args.port, args.host, registry_of(_cached(_reader())))
    print(f"http://{args.host}:{server.server_port}/metrics", flush=True)
    try:
        thread.join()
    finally:
        server.shutdown()
    return 0


def _reader() -> Callable[[], Standing]:
    from contextlib import ExitStack

    import dagster as dg

    from mews_assets.cli.home import dagster_home, utc_now
    from mews_assets.defs.production.exporter import read_standing
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.settings import read_settings

    settings = read_settings(os.environ)

    def read() -> Standing:
        lake = open_lake(settings.lake, settings.grain)
        with ExitStack() as stack:
            home = dagster_home()
            instance = stack.enter_context(dg.DagsterInstance.from_config(home)) if home else None
            return read_standing(lake, settings, instance, utc_now())

    return read


def _cached(read: Callable[[], Standing]) -> Callable[[], Standing]:
    reading, held = threading.Lock(), list[tuple[float, "Standing"]]()

    def cached() -> Standing:
        with reading:
            if not held or time.monotonic() - held[0][0] > READ_EVERY_SECONDS:
                held[:] = [(time.monotonic(), read())]
            return held[0][1]

    return cached
