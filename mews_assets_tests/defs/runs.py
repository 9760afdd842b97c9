"""Runs of current tables, snapshots and rebuilt changes over a stage, and looks of the automation sensor."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.defs.assets.current import current_job
from mews_assets.defs.assets.snapshot import op_name
from mews_assets.defs.base.partitions import register_scopes
from mews_assets.defs.build import build_definitions
from mews_assets.lake.storage import layout
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import QUIET, RANGE_END, RANGE_START, Stage


def add_scopes(stage: Stage) -> None:
    """Partitions for all scopes, as the discovery sensor adds them."""
    stage.save_directory()
    register_scopes(stage.instance, stage.directory, PLAIN)


def fold_run(stage: Stage, table: Table, *scopes: str, **tags: str) -> dg.ExecuteInProcessResult:
    """A run over a range of scopes, in the order they were added; `scopes` are ids."""
    return (
        build_definitions(stage.settings)
        .resolve_job_def(current_job(table))
        .execute_in_process(
            instance=stage.instance,
            run_config={"loggers": QUIET},
            tags=tags or {RANGE_START: stage.key(scopes[0]), RANGE_END: stage.key(scopes[-1])},
            raise_on_error=False,
        )
    )


def snapshot_run(
    stage: Stage, table: Table, *scopes: str, from_landing: bool = False, tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """The asset materialised as the UI does it: a range of scopes, in the order they were added."""
    ops = {op_name(table, PLAIN): {"config": {"from_landing": from_landing}}}
    return (
        build_definitions(stage.settings)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=stage.instance,
            asset_selection=[PLAIN.snapshot(table)],
            run_config={"loggers": QUIET, "ops": ops},
            tags=tags or {RANGE_START: stage.key(scopes[0]), RANGE_END: stage.key(scopes[-1])},
            raise_on_error=False,
        )
    )


def rebuild(stage: Stage, table: str) -> dg.ExecuteInProcessResult:
    """Changes alone, all partitions, as the UI asks for them. (With partitions named in run config Dagster itself
    refuses a run without the landing: it looks for the version of its partitions.)"""
    add_scopes(stage)
    keys = stage.keys()
    changes = PLAIN.changes(catalog.table(table))
    return stage.run(table, tags={RANGE_START: keys[0], RANGE_END: keys[-1]}, only=[changes])


class Looks:
    """Looks of the automation sensor, without a daemon; what it asks for is run."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.cursor = stage, None

    def look(self, *, run: bool = True) -> dict[str, set[str]]:
        told = dg.evaluate_automation_conditions(
            defs=build_definitions(self.stage.settings), instance=self.stage.instance, cursor=self.cursor
        )
        self.cursor = told.cursor
        asked = {
            table.name: set(told.get_requested_partitions(PLAIN.current(table)))
            for table in self.stage.settings.tables
            if told.get_num_requested(PLAIN.current(table))
        }
        for name, scopes in asked.items() if run else ():
            for scope in scopes:
                assert fold_run(self.stage, catalog.table(name), scope).success
        return asked


def changes_rows(stage: Stage, name: str) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The rows of a table in changes, by scope and window."""
    found = {}
    for file in stage.lake.files(layout.changes_folder(name), recursive=True):
        found[layout.partition_of(file)] = pq.read_table(stage.lake.path(file), partitioning=None).to_pylist()
    return found
