"""`mews-assets adopt`: the partitions that stand in the lake, reported to a Dagster home that does not know them."""

from __future__ import annotations

import argparse
import os
import time


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: lake and Dagster home are those of the settings."""


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import DATA, DEMO, HomeError, is_demo, load_dotenv, prepare

    load_dotenv()
    if not os.environ.get("DAGSTER_HOME", "").strip():
        prepare(DEMO if is_demo(os.environ) else DATA)
    from mews_assets.defs.base.moving import UnfinishedError
    from mews_assets.defs.local.adopt import adopt_lake

    began = time.monotonic()
    try:
        done = adopt_lake()
    except UnfinishedError as error:
        raise HomeError(str(error)) from None
    if done.moved:
        print(f"{done.moved} hotels and chains that this home knew by their ids go by their keys now")
    print(
        f"{done.partitions} partitions, {done.by_scope} current tables and snapshots of one scope, {done.whole} other "
        f"tables: {done.events} events in {time.monotonic() - began:.1f} s. Mews was not asked for anything"
    )
    return 0
