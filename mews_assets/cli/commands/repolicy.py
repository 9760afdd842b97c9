"""`mews-assets repolicy`: the tables written anew under what MEWS_PII says now."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: the setting says what is wanted."""


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import load_dotenv
    from mews_assets.lake.maintenance.change_policy import change_policy
    from mews_assets.lake.storage.lake import open_standing
    from mews_assets.settings import read_lake, read_memory, read_privacy

    load_dotenv()
    privacy = read_privacy(os.environ)
    lake = replace(open_standing(read_lake(os.environ)), memory=read_memory(os.environ))
    done = change_policy(lake, catalog.TABLES, privacy)
    how = "made again from what landed" if done.from_landing else "changed where they stand"
    what = f"{done.files} files {how}" if done.files else "nothing to do"
    print(f"{lake.root} is under MEWS_PII={privacy.pii}: {what}")
    return 0
