"""`mews-assets report`: one HTML file with the figures and plots of all marts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.html_report.model import WrittenReport
    from mews_assets.lake.storage.lake import Lake
    from mews_assets.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="open it in the browser of this machine")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import DEMO, HomeError, is_demo, load_dotenv, trial, utc_now
    from mews_assets.defs.assets.html_report import is_installed
    from mews_assets.defs.assets.marts import MARTS_JOB
    from mews_assets.defs.base.metadata_keys import size_text
    from mews_assets.defs.namespace import Namespace
    from mews_assets.lake.storage.lake import find_lake
    from mews_assets.settings import read_settings

    if not is_installed():
        raise HomeError("the report needs the package plotly: pip install 'mews_assets[report]'")
    load_dotenv()
    if not os.environ.get("MEWS_START_DATE") and is_demo(os.environ) and (DEMO / "sandbox.json").exists():
        os.environ["MEWS_START_DATE"] = trial(utc_now()).start_date
    settings = read_settings(os.environ)
    lake = find_lake(settings.lake, settings.grain)
    if lake is None:
        raise HomeError(
            f"{settings.lake} holds no lake yet: launch a backfill first, or try `mews-assets demo`"
        )
    made = _make(lake, settings)
    print(f"{made.uri}: {size_text(made.size_bytes)}, {made.hotels} hotels, {made.marts} marts")
    if made.marts_missing:
        job = Namespace.of(settings).name(MARTS_JOB)
        print(f"not made yet: {', '.join(made.marts_missing)}. Run the job `{job}`")
    if args.open:
        _open(made.uri)
    return 0


def _make(lake: Lake, settings: Settings) -> WrittenReport:
    """With the checks of the Dagster home beside the lake, if there is one."""
    import dagster as dg

    from mews_assets.cli.home import dagster_home, utc_now
    from mews_assets.defs.assets.html_report import make_report
    from mews_assets.defs.build import build_definitions
    from mews_assets.defs.local.diagnostics import is_unmade

    home = dagster_home()
    if not home or not Path(home).is_dir() or is_unmade(Path(home)):
        return make_report(lake, settings, (), None, utc_now())
    with dg.DagsterInstance.from_config(home) as instance:
        checks = build_definitions(settings).resolve_asset_graph().asset_check_keys
        return make_report(lake, settings, checks, instance, utc_now())


def _open(uri: str) -> None:
    import webbrowser

    if "://" in uri:
        print(f"download it to open it: {uri}")
    else:
        webbrowser.open(Path(uri).as_uri())
