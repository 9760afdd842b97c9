"""Diagnostics: whether the Dagster instance is set up as this project needs it, and whether its daemon is running.

Lives here: reading an instance from outside. Nothing is created: two processes that create a storage at once corrupt
it, so a home without one is only reported. Not here: the other findings of `doctor` (`ingest.probes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.instance.config import PoolGranularity
from dagster._core.instance.ref import InstanceRef
from dagster._daemon.types import DaemonStatus

from mews_assets.api.redaction import drop_queries
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.moving import unmoved_scopes
from mews_assets.defs.base.partitions import known_scopes, scopes_in, visible_scopes
from mews_assets.defs.base.unseen_partitions import HOW_TO_DELETE, unseen
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.findings import Finding, fail, ok, warn
from mews_assets.ingest.freshness import format_duration

SUBJECT = "dagster"


def look_at_instance(
    home: str,
    automation: bool,
    now: datetime,
    namespace: Namespace,
    directory: Directory | None = None,
) -> Iterator[Finding]:
    """The findings on the instance in a Dagster home; `automation` says whether its daemon should be running.

    `directory` is what was discovered last, if anything was: the partitions are compared with it.
    """
    folder = Path(home)
    if not home or not folder.is_absolute() or not folder.is_dir():
        text = (
            f"DAGSTER_HOME is {home!r}, which is no folder with an absolute path" if home else "no home yet"
        )
        fix = "set DAGSTER_HOME to an absolute path, or run mews-assets dev, which makes data/dagster."
        yield fail(SUBJECT, text, fix) if home else warn(SUBJECT, text, fix)
        return
    if not (folder / "dagster.yaml").exists():
        yield warn(
            SUBJECT,
            f"{folder} holds no dagster.yaml: pools and run monitoring are not as this project needs them",
            f"copy this project's dagster.yaml into {folder}.",
        )
    if is_unmade(folder):
        yield warn(
            SUBJECT,
            f"no process has made the storage in {folder} yet",
            "run `dagster instance migrate` once, before webserver and daemon: two that make it at once spoil it.",
        )
        return
    try:
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            yield from _look(instance, folder, directory, namespace)
            yield from _scopes(instance, directory, namespace) if directory is not None else ()
            yield from _pools(instance)
            yield from _daemons(instance.get_daemon_statuses(), automation, now)
    except Exception as error:  # of any driver of any storage
        yield fail(
            SUBJECT,
            instance_unreadable(folder, error),
            "check the storage in dagster.yaml and whether it runs; after an upgrade, `dagster instance migrate`.",
        )


def instance_unreadable(folder: Path, error: Exception) -> str:
    """One line that the instance cannot be read, without the password in its storage's address."""
    first = (str(error).strip().splitlines() or ["no message"])[0][:200]
    return f"the instance of {folder} cannot be read: {type(error).__name__}: {drop_queries(first)}"


def is_unmade(folder: Path) -> bool:
    """Whether the default storage, which opening creates, does not exist yet."""
    try:
        storage = InstanceRef.from_dir(str(folder)).run_storage_data
    except Exception:  # its settings are wrong: opening it will say so
        return False
    if storage is None or storage.class_name != "SqliteRunStorage":
        return False
    return not (Path(storage.config_dict["base_dir"]) / "runs.db").exists()


def _look(
    instance: dg.DagsterInstance, folder: Path, directory: Directory | None, namespace: Namespace
) -> Iterator[Finding]:
    scopes = [
        f"{_count(instance, directory, kind, namespace)} {namespace.scope_set(kind)}" for kind in ScopeKind
    ]
    storage = type(instance.run_storage).__name__.removesuffix("RunStorage")
    runs = instance.get_runs_count()
    yield ok(SUBJECT, f"{folder} ({storage}): {runs} runs, {', '.join(scopes)}")
    if not instance.run_monitoring_enabled:
        yield warn(
            SUBJECT,
            "run_monitoring is off: a run that is killed keeps its pool slot, and later ones wait for ever",
            "take `run_monitoring` over from this project's dagster.yaml.",
        )
    if not {"mews_assets", "root"} & {*instance.managed_python_loggers}:
        yield warn(
            SUBJECT,
            "the messages of this project are not managed: a run's page does not show what was asked of Mews",
            "take `python_logs` over from this project's dagster.yaml.",
        )
    if not instance.freshness_enabled:
        yield warn(
            SUBJECT,
            "freshness is off: an asset in which nothing moves any more is not noticed",
            "take `freshness` over from this project's dagster.yaml.",
        )


def _count(
    instance: dg.DagsterInstance, directory: Directory | None, kind: ScopeKind, namespace: Namespace
) -> int:
    if directory is None:
        return len(known_scopes(instance, kind, namespace))
    return len(visible_scopes(instance, directory, kind, namespace))


def _scopes(instance: dg.DagsterInstance, directory: Directory, namespace: Namespace) -> Iterator[Finding]:
    """Partitions that are named by ids, and those that are no hotel's."""
    unmoved = sum(map(len, unmoved_scopes(instance, directory, namespace).values()))
    if unmoved:
        yield warn(
            SUBJECT,
            f"this home knows {unmoved} hotels and chains by their ids, as earlier versions did, and not by name",
            "stop the daemon, run `mews-assets adopt`, which asks Mews for nothing, and start it again.",
        )
    for kind in ScopeKind:
        for text, scope in scopes_in(instance, directory, kind, namespace).items():
            if scope not in directory.keys and (problem := unseen(directory, kind, scope)):
                yield warn(SUBJECT, f"{text} is a partition, and {problem}", f"delete it {HOW_TO_DELETE}.")


def _pools(instance: dg.DagsterInstance) -> Iterator[Finding]:
    config = instance.get_concurrency_config().pool_config
    if config.pool_granularity is not PoolGranularity.OP:
        yield warn(
            "pools",
            "their granularity is not `op`: the first runs of a new pool start together",
            "take `concurrency` over from this project's dagster.yaml.",
        )
    storage = instance.event_log_storage
    limits = storage.get_pool_limits()
    closed = sorted(one.name for one in limits if one.limit < 1)
    if closed:
        yield fail(
            "pools",
            f"no run gets into {', '.join(closed)}: the limit is 0",
            f"set it: `dagster instance concurrency set {closed[0]} {config.default_pool_limit or 1}`.",
        )
    held = 0
    for one in limits:
        for slot in storage.get_concurrency_info(one.name).claimed_slots:
            held += 1
            run = instance.get_run_by_id(slot.run_id)
            if run is None or run.is_finished:
                yield warn(
                    "pools",
                    f"{one.name} is held by run {slot.run_id}, which is over",
                    "run monitoring frees it a minute after; otherwise Deployment > Concurrency > Free slots.",
                )
    if not closed:
        yield ok(
            "pools", f"{len(limits)} known, {held} slots taken, default limit {config.default_pool_limit}"
        )


def _daemons(statuses: Mapping[str, DaemonStatus], automation: bool, now: datetime) -> Iterator[Finding]:
    """One finding for all daemons: they are threads of one process."""
    beats = [one.last_heartbeat.timestamp for one in statuses.values() if one.last_heartbeat]
    fix = "start it: `dagster-daemon run -w workspace.yaml`, or mews-assets dev."
    if not beats:
        yield warn("daemon", "has never run here: no sensor, schedule or queued run goes on by itself", fix)
        return
    ago = format_duration(timedelta(seconds=now.timestamp() - max(beats)))
    silent = sorted(name.lower() for name, one in statuses.items() if not one.healthy)
    if not silent:
        yield ok(
            "daemon", f"{len(statuses)} of {len(statuses)} parts gave a sign of life, the last {ago} ago"
        )
    elif len(silent) < len(statuses):
        yield fail(
            "daemon", f"no sign of life of {', '.join(silent)}", "look at its log, and start it again."
        )
    elif automation:
        yield fail("daemon", f"its last sign of life is {ago} old, and MEWS_AUTOMATION is on", fix)
    else:
        yield warn("daemon", f"its last sign of life is {ago} old", fix)
