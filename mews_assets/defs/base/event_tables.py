"""Dagster's event tables written directly, where its own calls are too slow or delete too much.

Lives here: many materialisations in one transaction, checks that a run planned and did not judge, and the deletion of
old runs that keeps what the state of the assets rests on. Seen with Dagster 1.13 on SQLite and Postgres. Not here:
which events to write (`adoption`) and which runs are old (`assets.run_retention`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import StepMaterializationData
from dagster._core.execution.plan.handle import StepHandle
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

ROWS_AT_ONCE = 500
MANY = 50
"""From so many on, the materialisations of an asset in one run are stored together."""
_KEEP_RUNS = "unset MEWS_RUN_DAYS"
KEEP_EVENTS = "set one of them as its storage in dagster.yaml"
_MATERIALISATION = dg.DagsterEventType.ASSET_MATERIALIZATION.value


def sql_storage(instance: dg.DagsterInstance) -> SqlEventLogStorage | None:
    """The tables of SQLite or Postgres; None where the events are elsewhere, as in Dagster+."""
    storage = instance.event_log_storage
    return storage if isinstance(storage, SqlEventLogStorage) else None


def require_sql_storage(instance: dg.DagsterInstance, instead: str) -> SqlEventLogStorage:
    """The same where there is no other way. Raises RuntimeError, which says what to do instead."""
    if (storage := sql_storage(instance)) is None:
        raise RuntimeError(
            "Dagster's event tables are read in SQLite and Postgres only, and this instance keeps its events in "
            f"{type(instance.event_log_storage).__name__}: {instead}"
        )
    return storage


def store_materialisations(
    instance: dg.DagsterInstance, materialisations: Iterable[dg.AssetMaterialization]
) -> int:
    """Store materialisations that belong to no run; how many. They may have no tags.

    Dagster's own `report_runless_asset_event` takes 11 ms of CPU for each on SQLite, a row in a transaction of many
    0.25 ms. The last one of each asset goes its way: it also writes the asset's own record.
    """
    storage = sql_storage(instance)
    by_asset: dict[dg.AssetKey, list[dg.AssetMaterialization]] = {}
    for materialisation in materialisations:
        by_asset.setdefault(materialisation.asset_key, []).append(materialisation)
    for found in by_asset.values():
        *earlier, last = found
        if storage is None:
            for materialisation in earlier:
                instance.report_runless_asset_event(materialisation)
        else:
            for start in range(0, len(earlier), ROWS_AT_ONCE):
                some = earlier[start : start + ROWS_AT_ONCE]
                _insert(storage, [_entry(one, RUNLESS_RUN_ID, RUNLESS_JOB_NAME, None) for one in some])
        instance.report_runless_asset_event(last)
    return sum(map(len, by_asset.values()))


def store_in_run(
    context: dg.AssetExecutionContext, materialisations: Iterable[dg.AssetMaterialization]
) -> Iterator[dg.AssetMaterialization]:
    """Store the materialisations of one asset in the run, and give those that the op has to yield itself.

    Dagster takes 11 ms of CPU for an event that an op yields: it opens, commits and closes two databases. Of many, all
    but the last one are stored 500 to a transaction instead; the last one writes the asset's own record. They may have
    no tags. A run that is killed in between has stored less than its files: the sensors report these (`adoption`).
    """
    waiting = iter(materialisations)
    some = list(islice(waiting, ROWS_AT_ONCE))
    is_real = isinstance(context, dg.AssetExecutionContext)
    storage = sql_storage(context.instance) if is_real else None
    if len(some) < MANY or storage is None:
        yield from some
        yield from waiting
        return
    run = context.run
    step = StepHandle(node_handle=context.op_execution_context.op_handle)
    while some:
        following = list(islice(waiting, ROWS_AT_ONCE))
        rows = some if following else some[:-1]
        entries = [_entry(materialisation, run.run_id, run.job_name, step) for materialisation in rows]
        _insert(storage, entries)
        if not following:
            yield some[-1]
        some = following


def forget_unjudged_checks(context: dg.AssetExecutionContext, assets: Iterable[dg.AssetKey]) -> None:
    """Let the assets' checks that the run has planned and not judged keep their last result; call it last in the op.

    Dagster plans every check of the assets that a run selects. Without a result it shows such a check as skipped, or as
    failed where the run has failed, whatever the last result was.
    """
    storage = sql_storage(context.instance) if isinstance(context, dg.AssetExecutionContext) else None
    if storage is None:
        return
    columns = AssetCheckExecutionsTable.c
    with storage.index_connection() as connection:
        connection.execute(
            AssetCheckExecutionsTable.delete().where(
                columns.asset_key.in_([asset.to_string() for asset in assets]),
                columns.run_id == context.run.run_id,
                columns.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value,
            )
        )


def materialised_in(instance: dg.DagsterInstance, run_id: str) -> set[tuple[dg.AssetKey, str | None]]:
    """The assets and partitions that a run materialised, however their events were stored."""
    columns = SqlEventLogStorageTable.c
    query = sa.select(columns.asset_key, columns.partition).where(
        columns.run_id == run_id, columns.dagster_event_type == _MATERIALISATION
    )
    with require_sql_storage(instance, KEEP_EVENTS).index_connection() as connection:
        rows = connection.execute(query).fetchall()
    found = ((dg.AssetKey.from_db_string(asset), partition) for asset, partition in rows)
    return {(asset, partition) for asset, partition in found if asset is not None}


def _insert(storage: SqlEventLogStorage, entries: list[dg.EventLogEntry]) -> None:
    """On SQLite into the index alone, which every page of an asset reads: a run's own database, which holds all events
    a second time, has the last one only."""
    if entries:
        rows = [storage._event_to_row(entry) for entry in entries]
        with storage.index_connection() as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)


def _entry(
    materialisation: dg.AssetMaterialization, run_id: str, job: str, step: StepHandle | None
) -> dg.EventLogEntry:
    event = dg.DagsterEvent(
        event_type_value=_MATERIALISATION,
        job_name=job,
        step_handle=step,
        event_specific_data=StepMaterializationData(materialisation),
    )
    return dg.EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.DEBUG if step else logging.INFO,
        user_message="",
        run_id=run_id,
        timestamp=time.time(),
        step_key=step.to_key() if step else None,
        job_name=job,
        dagster_event=event,
    )


def delete_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Delete runs with their events, logs and superseded check results.

    Kept are the newest materialisation of every partition, which says that it is materialised, and the latest result
    of every check and partition. (`DagsterInstance.delete_run` deletes the materialisations too.)
    """
    storage = require_sql_storage(instance, _KEEP_RUNS)
    for start in range(0, len(run_ids), ROWS_AT_ONCE):
        some = list(run_ids[start : start + ROWS_AT_ONCE])
        _delete_events(storage, SqlEventLogStorageTable.c.run_id.in_(some))
        _delete_check_results(storage, some)
        for run_id in some:
            if isinstance(storage, SqliteEventLogStorage):
                # Each run has a database of its own; all that is read across runs is in the index as well.
                for suffix in ("", "-wal", "-shm"):
                    Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.run_storage.delete_run(run_id)


def delete_events_without_run(
    instance: dg.DagsterInstance, assets: Iterable[dg.AssetKey], before: datetime
) -> None:
    """Delete old events that belong to no run, such as the observations of sensors; what state rests on is kept."""
    storage = require_sql_storage(instance, _KEEP_RUNS)
    columns = SqlEventLogStorageTable.c
    old = sa.and_(
        columns.run_id == RUNLESS_RUN_ID,
        columns.asset_key.in_([asset.to_string() for asset in assets]),
        columns.timestamp < before.astimezone(UTC).replace(tzinfo=None),  # stored in UTC without a zone
    )
    _delete_events(storage, old)
    if isinstance(storage, SqliteEventLogStorage):
        with storage.run_connection(RUNLESS_RUN_ID) as connection:
            connection.execute(SqlEventLogStorageTable.delete().where(old))


def _delete_events(storage: SqlEventLogStorage, chosen: sa.ColumnElement[bool]) -> None:
    columns = SqlEventLogStorageTable.c
    newest = (
        sa.select(sa.func.max(columns.id))
        .where(columns.dagster_event_type == _MATERIALISATION)
        .group_by(columns.asset_key, columns.partition)
    )
    gone = sa.and_(chosen, columns.id.not_in(newest))
    with storage.index_connection() as connection:
        ids = sa.select(columns.id).where(gone)
        connection.execute(AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(ids)))
        connection.execute(SqlEventLogStorageTable.delete().where(gone))


def _delete_check_results(storage: SqlEventLogStorage, run_ids: list[str]) -> None:
    columns = AssetCheckExecutionsTable.c
    newest = (
        sa.select(sa.func.max(columns.id))
        .where(columns.execution_status != AssetCheckExecutionRecordStatus.PLANNED.value)
        .group_by(columns.asset_key, columns.check_name, columns.partition)
    )
    with storage.index_connection() as connection:
        connection.execute(
            AssetCheckExecutionsTable.delete().where(columns.run_id.in_(run_ids), columns.id.not_in(newest))
        )
