"""`mews-assets repolicy`: rewrites the tables under the present MEWS_PII."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from mews_assets.cli.progress import shown_progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments: the policy is a setting."""


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import load_dotenv
    from mews_assets.lake.maintenance.change_policy import change_policy
    from mews_assets.lake.storage.lake import open_standing
    from mews_assets.settings import read_lake, read_memory, read_privacy

    load_dotenv()
    privacy = read_privacy(os.environ)
    lake = replace(open_standing(read_lake(os.environ)), memory=read_memory(os.environ))
    with shown_progress() as progress:
        done = change_policy(lake, catalog.TABLES, privacy, progress)
    how = "rebuilt from the landing" if done.from_landing else "rewritten in place"
    what = f"{done.files} files {how}" if done.files else "nothing to do"
    print(f"{lake.root} is under MEWS_PII={privacy.pii}: {what}")
    return 0
