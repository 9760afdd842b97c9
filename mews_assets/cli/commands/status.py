"""`mews-assets status`: by table and hotel, freshness, completeness and checks; exports under way; unfinished work."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from mews_assets.cli.scope_option import add_scope_option, chosen_scopes

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from mews_assets.catalog.model import Table
    from mews_assets.cli.status_text import Line
    from mews_assets.defs.checks.latest_results import CheckState
    from mews_assets.ingest.directory import Directory
    from mews_assets.lake.landing.export_log import LoggedExport
    from mews_assets.lake.landing.unmerged_captures import UnmergedCapture
    from mews_assets.lake.storage.lake import Lake
    from mews_assets.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    add_scope_option(parser, "only its tables are shown")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import DEMO, HomeError, dagster_home, is_demo, load_dotenv, trial, utc_now
    from mews_assets.ingest.directory import load_directory
    from mews_assets.lake.erasure import pending_searches
    from mews_assets.lake.landing.unmerged_captures import unmerged_of
    from mews_assets.lake.storage.lake import find_lake
    from mews_assets.settings import read_settings

    load_dotenv()
    if not os.environ.get("MEWS_START_DATE") and is_demo(os.environ) and (DEMO / "sandbox.json").exists():
        os.environ["MEWS_START_DATE"] = trial(utc_now()).start_date
    settings = read_settings(os.environ)
    lake = find_lake(settings.lake, settings.grain)
    directory = load_directory(lake) if lake else None
    if lake is None or directory is None:
        from mews_assets.defs.base.jobs import how_to_find_hotels  # imports Dagster
        from mews_assets.defs.namespace import Namespace

        raise HomeError(
            f"{settings.lake} has no list of hotels yet: {how_to_find_hotels(Namespace.of(settings))}"
        )
    chosen = chosen_scopes(directory, args.scope)

    def is_shown(scopes: Iterable[str]) -> bool:
        return chosen is None or not chosen.isdisjoint(scopes)

    # Mews' clock decides what has settled and what is late.
    now = utc_now() + timedelta(seconds=directory.clock_skew_seconds)
    with _checks(dagster_home(), settings, directory) as (states, note):
        lines = [
            line
            for table in settings.tables
            for line in survey(lake, table, settings, directory, now, states.get(table.name))
            if is_shown([line.scope])
        ]
    report = Report(
        lines,
        exports=[export for export in _exports(lake, settings, directory) if is_shown(export.scopes)],
        unmerged=[
            capture
            for table in settings.tables
            for capture in unmerged_of(lake, table.name)
            if is_shown(capture.scopes)
        ],
        unfinished_erasures=pending_searches.pending(lake),
        note=note,
        now=now,
    )
    if args.json:
        print(_json(report))
    else:
        # A pipe has no width: programs such as grep and less get whole lines.
        print("\n".join(_text(report, get_terminal_size((10_000, 24)).columns)))
    return 0


@dataclass(frozen=True)
class Report:
    """All that is printed. `unfinished_erasures` are ids of customers whose `forget` was interrupted."""

    lines: list[Line]
    exports: list[LoggedExport]
    unmerged: list[UnmergedCapture]
    unfinished_erasures: list[str]
    note: str
    now: datetime


def survey(
    lake: Lake,
    table: Table,
    settings: Settings,
    directory: Directory,
    now: datetime,
    states: Mapping[str, CheckState] | None = None,
) -> Iterable[Line]:
    """One line for each scope of the table that the connections see."""
    from mews_assets.cli.status_text import Line
    from mews_assets.ingest.freshness import Cadence, late_scopes
    from mews_assets.lake.reading.inventory import Inventory, inventory
    from mews_assets.windows import from_key, settled_windows, to_key

    existing = inventory(lake, table)
    grain = settings.grain
    settled = {
        to_key(window, grain) for window in settled_windows(settings.start, now, grain, by_day=table.by_day)
    }
    by_scope = {
        scope: existing.get(scope, Inventory(frozenset(), 0, 0, None))
        for scope in directory.scopes(table.scope)
    }
    newest = {
        scope: from_key(max(held.windows), grain) if held.windows else None
        for scope, held in by_scope.items()
    }
    cadence = Cadence(settings.start, grain, settings.allowed_lag, table.by_day)
    late = {scope.scope: scope.by(now) for scope in late_scopes(newest, cadence, directory.first_seen, now)}
    for scope, held in by_scope.items():
        window, state = newest[scope], states.get(scope) if states is not None else None
        enterprise = directory.enterprises.get(scope)
        yield Line(
            table=table.name,
            scope=scope,
            key=directory.scope_keys.key_of(scope),
            name=directory.name_of(table.scope, scope),
            time_zone=enterprise.time_zone if enterprise else "",
            newest_window=to_key(window, grain) if window else None,
            lag_hours=_hours(now - window.end) if window else None,
            late_hours=_hours(late[scope]) if scope in late else None,
            windows=len(held.windows),
            missing=len(settled - held.windows),
            rows=held.rows,
            judged=state.judged and bool(held.windows) if state else False,
            failing=state.failing if state else None,
        )


@contextmanager
def _checks(
    home: str, settings: Settings, directory: Directory
) -> Iterator[tuple[dict[str, dict[str, CheckState]], str]]:
    """The latest results of the checks by table and scope, or the reason why they cannot be shown."""
    if not home:
        yield {}, "checks are not shown: no Dagster home is set"
        return
    import dagster as dg

    from mews_assets.defs.local.diagnostics import instance_unreadable, is_unmade

    try:
        if not Path(home).is_dir() or is_unmade(Path(home)):
            states, note = {}, f"checks are not shown: {home} holds no instance yet"
        else:
            with dg.DagsterInstance.from_config(home) as instance:
                states, note = _states(instance, settings, directory), ""
    except Exception as error:  # any driver of any storage
        states, note = {}, f"checks are not shown: {instance_unreadable(Path(home), error)}"
    yield states, note


def _states(
    instance: DagsterInstance, settings: Settings, directory: Directory
) -> dict[str, dict[str, CheckState]]:
    from mews_assets.defs.base.partitions import keys_in
    from mews_assets.defs.checks.latest_results import check_states
    from mews_assets.defs.namespace import Namespace

    namespace = Namespace.of(settings)
    keys = keys_in(instance, directory, settings.grain, namespace)
    return {
        table.name: check_states(instance, table, directory.scopes(table.scope), keys, namespace)
        for table in settings.tables
    }


def _exports(lake: Lake, settings: Settings, directory: Directory) -> Iterator[LoggedExport]:
    from mews_assets.lake.landing import export_log
    from mews_assets.lake.storage import layout

    serving = {*directory.connection_by_enterprise.values(), *directory.connection_by_chain.values()}
    for connection in sorted(serving):
        for table in settings.tables:
            for name in layout.landings(table.name):
                yield from export_log.logged_exports(lake, connection, name)


def _hours(length: timedelta) -> float:
    return round(length.total_seconds() / 3600, 1)


def _minutes(export: LoggedExport, now: datetime) -> float:
    return round((now - export.asked_at).total_seconds() / 60, 1)


def _json(report: Report) -> str:
    exports: list[dict[str, Any]] = [
        {
            "id": export.id,
            "table": export.table,
            "connection": export.connection,
            "scopes": len(export.scopes),
            "window": str(export.window),
            "age_minutes": _minutes(export, report.now),
        }
        for export in report.exports
    ]
    content = {
        "tables": [asdict(line) for line in report.lines],
        "exports": exports,
        "captures_not_merged": [asdict(capture) for capture in report.unmerged],
        "erasures_not_finished": report.unfinished_erasures,
        "note": report.note,
    }
    return json.dumps(content, indent=1)


def _text(report: Report, width: int) -> Iterable[str]:
    from mews_assets.cli.colours import Colour, paint
    from mews_assets.cli.status_text import incomplete, summary, summary_colour, table_text

    lines, exports = report.lines, report.exports
    yield from table_text(lines, width)
    yield ""
    yield paint(summary(lines, len(exports)), summary_colour(lines))
    for export in exports:
        age = f"{_minutes(export, report.now):.0f} min old"
        yield f"  {export.table}: {age}, {len(export.scopes)} scopes, {export.window}"
        yield f"    {export.id} by {export.connection}"
    for line in lines:
        for check, windows in (line.failing or {}).items():
            more = f" and {len(windows) - 3} more" if len(windows) > 3 else ""
            yield f"  {line.table}, {line.name}: {check} failed for {', '.join(windows[:3])}{more}"
    for capture in report.unmerged:
        yield from _unmerged_text(capture)
    for person in report.unfinished_erasures:
        yield f"  the erasure of customer {person} did not finish: mews-assets forget --customer {person}"
    if report.note:
        yield report.note
    if (lacking := incomplete(lines, len(exports))) is not None:
        yield paint(lacking, Colour.YELLOW)


def _unmerged_text(capture: UnmergedCapture) -> Iterable[str]:
    from mews_assets.lake.storage import layout

    state = "the next run tries it again"
    if capture.is_set_aside:
        state = f"set aside: mews-assets retry {layout.landed_table(capture.table)}"
    scopes = f"{len(capture.scopes)} scopes"
    yield f"  {capture.table}, capture {capture.capture} of {scopes}, {capture.window}: not merged, {state}"
    yield f"    {capture.cause}"
