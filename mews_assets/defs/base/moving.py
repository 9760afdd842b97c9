"""Moving an instance from ids to keys: until this version the partitions of a hotel were named by its id.

Lives here: which scopes an instance still knows by their ids, what stands against moving them, and moving the partition
sets and the automation's cursor. Not here: reporting what stands under the new keys (`adoption`), which comes first: a
key is a partition only when all of it is materialised, so that no sensor finds it missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import dagster as dg
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionsFilter,
    BulkActionStatus,
)
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._daemon.asset_daemon import (
    asset_daemon_cursor_from_instigator_serialized_cursor,
    asset_daemon_cursor_to_instigator_serialized_cursor,
)

from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.conditions import AUTOMATION
from mews_assets.defs.base.partitions import known_scopes, split_key
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory

_MATERIALISATION = dg.DagsterEventType.ASSET_MATERIALIZATION


class UnfinishedError(RuntimeError):
    """Runs or backfills that have not ended name partitions by their ids."""


def unmoved_scopes(
    instance: dg.DagsterInstance, directory: Directory, namespace: Namespace
) -> dict[ScopeKind, list[str]]:
    """The scopes whose partitions the instance names by their ids, by kind; empty where there are none."""
    found = {}
    for kind in ScopeKind:
        known = known_scopes(instance, kind, namespace)
        if unmoved := [text for text in known if directory.keys.get(text, text) != text]:
            found[kind] = unmoved
    return found


def require_finished(instance: dg.DagsterInstance) -> None:
    """Raises UnfinishedError while a run or a backfill may still look for partitions named by ids."""
    open_statuses = [status for status in BulkActionStatus if status not in BULK_ACTION_TERMINAL_STATUSES]
    runs = instance.get_runs_count(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
    backfills = instance.get_backfills_count(BulkActionsFilter(statuses=open_statuses))
    if runs or backfills:
        raise UnfinishedError(
            f"{runs} runs and {backfills} backfills have not ended, and name hotels by their ids: wait for them, or "
            "cancel them, stop the daemon, and run this again"
        )


def move_sets(
    instance: dg.DagsterInstance,
    unmoved: Mapping[ScopeKind, Collection[str]],
    directory: Directory,
    namespace: Namespace,
) -> None:
    """Replace ids by keys in the partition sets. Killed in between, it is done again by the next call."""
    for kind, scopes in unmoved.items():
        known = set(known_scopes(instance, kind, namespace))
        keys = [directory.keys[scope] for scope in scopes]
        if new := [key for key in keys if key not in known]:
            instance.add_dynamic_partitions(namespace.scope_set(kind), new)
        for scope in scopes:
            instance.delete_dynamic_partition(namespace.scope_set(kind), scope)


def forget_cursor(instance: dg.DagsterInstance, namespace: Namespace) -> None:
    """Let the automation sensor look as if for the first time, at what is missing: to it, all that was just reported
    would be an update that everything must follow."""
    if instance.schedule_storage is None:  # in memory, without sensors
        return
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        data = state.instigator_data
        if (
            state.instigator_name != namespace.name(AUTOMATION)
            or not isinstance(data, SensorInstigatorData)
            or not data.cursor
        ):
            continue
        # The numbers of its evaluations go on.
        before = asset_daemon_cursor_from_instigator_serialized_cursor(data.cursor, None)
        empty = AssetDaemonCursor.empty(before.evaluation_id)
        cursor = asset_daemon_cursor_to_instigator_serialized_cursor(empty)
        instance.update_instigator_state(state.with_data(data._replace(cursor=cursor)))


def behind(
    instance: dg.DagsterInstance, asset: dg.AssetKey, deps: Iterable[dg.AssetKey], scopes: Collection[str]
) -> set[str]:
    """Those of the scopes, known by their ids, whose partition of the asset is older than what it is made from.

    They are left missing under their keys, so that they are made once more.
    """
    made = _newest(instance, asset, scopes)
    newest: dict[str, int] = {}
    for dep in deps:
        for scope, event in _newest(instance, dep, scopes).items():
            newest[scope] = max(event, newest.get(scope, 0))
    return {scope for scope, event in made.items() if event < newest.get(scope, 0)}


def _newest(instance: dg.DagsterInstance, asset: dg.AssetKey, scopes: Collection[str]) -> dict[str, int]:
    """The storage id of the newest materialisation of each scope."""
    newest: dict[str, int] = {}
    events = instance.event_log_storage.get_latest_storage_id_by_partition(asset, _MATERIALISATION)
    for text, event in events.items():
        scope, _ = split_key(text)
        if scope in scopes:
            newest[scope] = max(event, newest.get(scope, 0))
    return newest
