"""`mews-assets expire`: removes the files of captures older than MEWS_LANDING_DAYS."""

from __future__ import annotations

import argparse
import os
from datetime import timedelta


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: the age is a setting."""


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import load_dotenv, utc_now
    from mews_assets.lake.maintenance.expire_captures import expire
    from mews_assets.lake.storage.lake import open_standing
    from mews_assets.settings import SettingError, read_lake, read_landing_days

    load_dotenv()
    days = read_landing_days(os.environ)
    if days is None:
        raise SettingError(
            "MEWS_LANDING_DAYS is not set, so captures are kept forever; set it to a number of days"
        )
    lake, now = open_standing(read_lake(os.environ)), utc_now()
    before = now - timedelta(days=days)
    for table in catalog.TABLES:
        done = expire(lake, table, catalog.TABLES, before, now)
        if done.captures or done.kept:
            kept = f"; {len(done.kept)} of that age are not in changes and are kept" if done.kept else ""
            print(f"{table.name}: {done.captures} captures, {done.stored_bytes} bytes removed{kept}")
    print(f"captures from before {before:%Y-%m-%d %H:%M} UTC are removed")
    return 0
