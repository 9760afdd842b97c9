"""`mews-assets demo`: from a sandbox to tables and marts, through real Dagster runs."""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mews_assets.cli.progress import shown_progress

if TYPE_CHECKING:
    from mews_assets.defs.local.launch import LaunchedRun
    from mews_assets.lake.progress import Progress
    from mews_assets.lake.reading.inventory import Totals

_EXPORT_SECONDS = 1.0
_RUNS_AT_ONCE = 2
_LAUNCH = "mews_assets.defs.local.launch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="for programs: the summary alone on standard output"
    )


def run(args: argparse.Namespace) -> int:
    if not args.json:
        tables, runs = _demonstrate()
    else:
        with redirect_stdout(sys.stderr):
            tables, runs = _demonstrate()
        print(json.dumps(_summary_json(tables, runs), indent=1))
    return 0 if _is_ok(runs) else 1


def _demonstrate() -> tuple[dict[str, Totals], list[LaunchedRun]]:
    """Run everything, and print what came of it."""
    from mews_assets.cli import home
    from mews_assets.cli.sandbox_process import point_at, sandbox_process

    began = time.monotonic()
    trial = home.trial(home.utc_now())
    home.use_demo()
    home.go_direct_to_loopback(os.environ)
    # Dagster is imported while the sandbox makes its records.
    importing = threading.Thread(target=importlib.import_module, args=[_LAUNCH], daemon=True)
    importing.start()
    _print_step("starting the sandbox: 3 hotels in 2 chains, and what happened in them in the last 34 days")
    with sandbox_process(trial, export_seconds=_EXPORT_SECONDS) as settings:
        importing.join()
        point_at(settings, trial)
        home.prepare(home.DEMO)
        with shown_progress() as progress:
            runs = _materialise_all(progress)
    tables = _summary()
    print("\n" + "\n".join(_table(tables)))
    print("\nlook at the marts:")
    for plot in _plots():
        print(f"  {plot}")
    if report := _report():
        print(f"or open the report of them all in a browser:\n  {report}")
    seconds = time.monotonic() - began
    failed = [run for run in runs if not run.succeeded]
    for run_ in failed:
        print(f"failed: {run_.job}: {run_.problem}", file=sys.stderr)
    print(f"\n{seconds:.0f} s. Open the UI on these very tables with: make dev (or: mews-assets dev)")
    print(_last_line(tables, runs))
    return tables, runs


def _materialise_all(progress: Progress) -> list[LaunchedRun]:
    """The enterprises first, for they fill the partition sets; then table by table, two runs at a time."""
    from mews_assets import catalog
    from mews_assets.cli.home import utc_now
    from mews_assets.defs.assets.landing_and_changes import groups
    from mews_assets.defs.local.launch import (
        discover_scopes,
        keep_instance_open,
        materialise_due,
        take_snapshot,
    )

    runs = [discover_scopes()]
    _print_step(f"enterprises: {'done' if runs[0].succeeded else 'failed'}")
    if not runs[0].succeeded:
        return runs
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_RUNS_AT_ONCE, mp_context=context, initializer=keep_instance_open) as pool:
        now = utc_now()
        # Tables without a stamp first: a request for each window, so they may have to wait for the request budget.
        ordered = sorted(groups(catalog.tables()), key=lambda group: group[0].is_stamped)
        futures = [pool.submit(materialise_due, group[0].name, now) for group in ordered]
        # Items of guests who booked before the first window and are still in the house come no other way, and without
        # them the marts call those nights incomplete.
        futures.append(pool.submit(take_snapshot, "order_items"))
        for number, future in enumerate(as_completed(futures)):
            progress("landing tables", number, len(futures))
            run_ = future.result()
            _print_run(run_)
            runs.append(run_)
        progress("landing tables", len(futures), len(futures))
        runs += _make_later_layers(pool, progress)
    return runs


def _make_later_layers(pool: ProcessPoolExecutor, progress: Progress) -> list[LaunchedRun]:
    """The layers that follow changes: current and reference tables, then the marts, and the report of all."""
    from mews_assets.catalog.model import ScopeKind
    from mews_assets.defs.assets.html_report import is_installed
    from mews_assets.defs.local.launch import (
        look_for_late_hotels,
        make_current,
        make_marts,
        refresh_reference,
        write_report,
        write_sql_catalog,
    )

    steps: list[list[tuple[Callable[..., LaunchedRun], Any]]] = [
        [*((make_current, (kind,)) for kind in ScopeKind), (refresh_reference, ())],
        [(make_marts, (share, _RUNS_AT_ONCE)) for share in range(_RUNS_AT_ONCE)],
        [(write_sql_catalog, ()), (look_for_late_hotels, ())],
        [(write_report, ())] if is_installed() else [],
    ]
    total = sum(map(len, steps))
    runs: list[LaunchedRun] = []
    for step in steps:  # each is made from what the one before made
        for future in as_completed([pool.submit(work, *arguments) for work, arguments in step]):
            runs.append(future.result())
            _print_run(runs[-1])
            progress("making tables and marts", len(runs), total)
    return runs


def _print_run(run_: LaunchedRun) -> None:
    partitions = f"{run_.partitions} partitions, " if run_.partitions else ""
    _print_step(f"{run_.job}: {partitions}{run_.checks_passed} checks passed")


def _summary() -> dict[str, Totals]:
    from mews_assets import catalog
    from mews_assets.lake.reading.inventory import inventory, totals
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.settings import read_settings

    settings = read_settings(os.environ)
    lake = open_lake(settings.lake, settings.grain)
    return {table.name: totals(inventory(lake, table)) for table in catalog.tables()}


def _plots() -> list[str]:
    from mews_assets.lake.storage import layout
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.marts import MARTS
    from mews_assets.settings import read_settings

    settings = read_settings(os.environ)
    lake = open_lake(settings.lake, settings.grain)
    names = [layout.mart_plot(mart.name) for mart in MARTS]
    return [_relative(lake.uri(name)) for name in names if lake.exists(name)]


def _report() -> str:
    """The path of the report; empty if none was made."""
    from mews_assets.lake.storage import layout
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.settings import read_settings

    settings = read_settings(os.environ)
    lake, name = open_lake(settings.lake, settings.grain), layout.report_file()
    return _relative(lake.uri(name)) if lake.exists(name) else ""


def _relative(path: str) -> str:
    """The path relative to the current folder."""
    return path.removeprefix(f"{Path.cwd()}/")


def _table(tables: dict[str, Totals]) -> list[str]:
    from mews_assets.cli.text_table import text_table

    def cells(name: str, held: Totals) -> list[str]:
        newest = f"{held.newest:%Y-%m-%d %H:%M:%S}" if held.newest else "-"
        return [name, *map(str, (held.scopes, held.partitions, held.rows, held.size_bytes)), newest]

    return text_table(
        ["table", "scopes", "partitions", "rows", "bytes", "newest record (UTC)"],
        [cells(name, held) for name, held in tables.items()],
        numbers=[False, True, True, True, True, False],
    )


def _is_ok(runs: list[LaunchedRun]) -> bool:
    return all(run.succeeded and not run.checks_failed for run in runs)


def _summary_json(tables: dict[str, Totals], runs: list[LaunchedRun]) -> dict[str, Any]:
    return {
        "ok": _is_ok(runs),
        "tables": [
            {
                "table": name,
                "scopes": held.scopes,
                "partitions": held.partitions,
                "rows": held.rows,
                "bytes": held.size_bytes,
                "newest_utc": held.newest.isoformat() if held.newest else None,
            }
            for name, held in tables.items()
        ],
        "runs": [asdict(run) for run in runs],
        "plots": _plots(),
        "report": _report(),
    }


def _last_line(tables: dict[str, Totals], runs: list[LaunchedRun]) -> str:
    filled = sum(held.partitions > 0 for held in tables.values())
    partitions = sum(held.partitions for held in tables.values())
    rows = sum(held.rows for held in tables.values())
    passed, failed = sum(run.checks_passed for run in runs), sum(run.checks_failed for run in runs)
    verdict = "ok" if _is_ok(runs) else "failed"
    return (
        f"demo {verdict}: {filled} tables, {partitions} partitions, {rows} rows, "
        f"{passed} checks passed, {failed} failed"
    )


def _print_step(text: str) -> None:
    print(f"... {text}", flush=True)
