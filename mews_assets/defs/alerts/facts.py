"""Facts for alerts, read from Dagster's event log.

Lives here: results of checks, freshness and abandoned exports, as plain facts. Not here: ended runs (`run_facts`), what
follows from facts (`mews_assets.alerts`), and sending messages (`sensor`).

A failed check leaves its run a success, and a check that raises has no result but fails its run: so both are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.instance import RUNLESS_RUN_ID
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from mews_assets.alerts.incidents import WHOLE, Fact, Kind, Part, PartKey, Subject, Urgency
from mews_assets.alerts.state import Feed
from mews_assets.defs.alerts import run_facts
from mews_assets.defs.base.event_tables import sql_storage
from mews_assets.defs.base.metadata_keys import (
    FAILED_PARTITIONS,
    GIVEN_UP,
    LATE_HOURS,
    LATE_SCOPES,
    QUESTION,
    REASON,
    plain_values,
)
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.defs.base.run_history import is_going
from mews_assets.defs.namespace import Namespace

PAGE = 1000
_TOTALS = {
    "rows",
    "agree",
    "not_compared_yet",
    "partitions",
    "scopes",
    "rows_written",
    "rows_arrived",
    "rows_held_before",
    "repeats",
}
"""Numbers of what was examined, not of what is wrong."""
_TYPES = (
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.FRESHNESS_STATE_CHANGE,
    dg.DagsterEventType.ASSET_OBSERVATION,
)


def new_events(instance: dg.DagsterInstance, feed: Feed) -> Iterator[list[dg.EventLogRecord]]:
    """All events since the feed's cursor, ordered by storage id, page by page."""
    after = feed.after
    while True:
        pages = [_page(instance, kind, after, feed.since) for kind in _TYPES]
        # After a full page there may be more events of its type: later events of other types wait for them.
        upto = min((page[-1].storage_id for page in pages if len(page) == PAGE), default=None)
        found = [one for page in pages for one in page if upto is None or one.storage_id <= upto]
        if new := [one for one in found if feed.is_new(one.storage_id)]:
            yield sorted(new, key=lambda one: one.storage_id)
        if upto is None:
            return
        after = upto


def _page(
    instance: dg.DagsterInstance, kind: dg.DagsterEventType, after: int, since: datetime
) -> list[dg.EventLogRecord]:
    wanted = dg.EventRecordsFilter(kind, after_cursor=after, after_timestamp=since.timestamp())
    if (storage := sql_storage(instance)) is not None:
        # SQLite's own method would open the database of every run; the index holds all of these too.
        return list(SqlEventLogStorage.get_event_records(storage, wanted, limit=PAGE, ascending=True))
    return list(instance.event_log_storage.get_event_records(wanted, limit=PAGE, ascending=True))


def facts_of(
    instance: dg.DagsterInstance, record: dg.EventLogRecord, keys: PartitionKeys, namespace: Namespace
) -> list[Fact]:
    """The facts of an event; an ended run may have facts of several assets. Parts are named by their scopes' ids.

    Assets and runs outside the namespace, of a host or of other hotels, have no facts.
    """
    entry = record.event_log_entry
    event = entry.dagster_event
    assert event is not None
    at = datetime.fromtimestamp(entry.timestamp, UTC)
    if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        verdict = event.asset_check_evaluation_data
        asset = namespace.own_asset(verdict.asset_key)
        return [_verdict(verdict, asset, record.storage_id, at, entry.run_id, keys)] if asset else []
    if event.event_type is dg.DagsterEventType.FRESHNESS_STATE_CHANGE:
        change: Any = event.event_specific_data
        asset = namespace.own_asset(change.key)
        return _some(_freshness(change.new_state.value, asset, record.storage_id, at)) if asset else []
    if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION:
        observation = event.asset_observation_data.asset_observation
        asset = namespace.own_asset(observation.asset_key)
        return _some(_given_up(observation, asset, record.storage_id, at)) if asset else []
    run = instance.get_run_by_id(entry.run_id)
    if run is None:  # deleted since
        return []
    if event.event_type is dg.DagsterEventType.RUN_SUCCESS:
        return run_facts.succeeded(run, record.storage_id, at, namespace)
    return run_facts.failed(run_facts.EndedRun(instance, run, record.storage_id, at, namespace), event, keys)


def _some(fact: Fact | None) -> list[Fact]:
    return [] if fact is None else [fact]


def is_still_going(instance: dg.DagsterInstance, run: str) -> bool:
    """Whether a run may still store more events. Events of no run are complete at once."""
    return bool(run) and is_going(instance, run)


def _verdict(
    one: dg.AssetCheckEvaluation, asset: str, event: int, at: datetime, run: str, keys: PartitionKeys
) -> Fact:
    metadata = plain_values(one.metadata)
    fact = Fact(
        Subject(Kind.CHECK, asset, one.check_name),
        event,
        at,
        "" if run == RUNLESS_RUN_ID else run,
        Urgency.WARNING if one.severity is dg.AssetCheckSeverity.WARN else Urgency.FAILURE,
    )
    if one.partition is not None:
        if one.passed:
            return replace(fact, passes=(PartKey(*keys.split(one.partition)),))
        return replace(fact, fails=(_part(PartKey(*keys.split(one.partition)), metadata),))
    named = metadata.get(FAILED_PARTITIONS)
    if isinstance(named, list):
        # The summary of a run names the failures of that run only.
        return replace(fact, fails=tuple(Part(PartKey(*keys.split(str(key)))) for key in named))
    late = metadata.get(LATE_SCOPES)
    if isinstance(late, list):
        fails = tuple(_part(PartKey(str(row["scope"])), {LATE_HOURS: row[LATE_HOURS]}) for row in late)
        # The list is cut at a limit, the number is not.
        cause = f"{metadata.get('late')} of {metadata.get('scopes')} are behind."
        return replace(fact, fails=fails, tells_all=True, cause=cause)
    return replace(fact, fails=() if one.passed else (_part(WHOLE, metadata),), tells_all=True)


def _part(key: PartKey, metadata: Mapping[str, Any]) -> Part:
    """A part and its numbers; texts in metadata may be personal data."""
    numbers = dict(_numbers(metadata))
    weight = sum(abs(value) for name, value in numbers.items() if name not in _TOTALS)
    ordered = sorted(numbers, key=lambda name: name in _TOTALS)
    text = ", ".join(f"{name} {numbers[name]:,}".strip() for name in ordered if numbers[name])
    return Part(key, text, float(weight))


def _numbers(metadata: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers in metadata; where none says how much is wrong, the lengths of its lists."""
    plain = {name: value for name, value in metadata.items() if _is_number(value)}
    yield from plain.items()
    if set(plain) <= _TOTALS:
        for name, value in metadata.items():
            if isinstance(value, Mapping):
                yield name, sum(value.values()) if all(map(_is_number, value.values())) else len(value)
            elif isinstance(value, list) and not any(map(_is_number, value)):
                yield name, len(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _freshness(state: str, asset: str, event: int, at: datetime) -> Fact | None:
    """The fact of Dagster's freshness policy, which is of an asset as a whole."""
    subject = Subject(Kind.FRESHNESS, asset)
    if state == "PASS":
        return Fact(subject, event, at, passes=(WHOLE,))
    if state not in ("WARN", "FAIL"):
        return None
    urgency = Urgency.WARNING if state == "WARN" else Urgency.FAILURE
    return Fact(subject, event, at, urgency=urgency, fails=(Part(WHOLE),))


def _given_up(one: dg.AssetObservation, asset: str, event: int, at: datetime) -> Fact | None:
    metadata = plain_values(one.metadata)
    question, state = metadata.get(QUESTION), metadata.get(GIVEN_UP)
    if not isinstance(question, Mapping) or not isinstance(state, bool):
        return None
    window = f"{question['start_utc']} to {question['end_utc']}"
    keys = [PartKey(scope, window) for scope in question["scopes"]]
    subject = Subject(Kind.GIVEN_UP, asset)
    if not state:
        return Fact(subject, event, at, passes=tuple(keys))
    cause = str(metadata.get(REASON, ""))
    return Fact(subject, event, at, fails=tuple(Part(key) for key in keys), cause=cause)
