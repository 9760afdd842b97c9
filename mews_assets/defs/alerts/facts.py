"""Facts for alerts, read from Dagster's event log.

Lives here: verdicts of checks, freshness and exports given up, turned into plain facts. Not here: ended runs
(`run_facts`), what becomes of facts (`alerts`), and who is told.

A failed check leaves its run a success, and a check that raises gives no verdict but fails its run: so both
are read.
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
from mews_assets.defs.base.metadata_keys import (
    FAILED_PARTITIONS,
    GIVEN_UP,
    LATE_HOURS,
    LATE_SCOPES,
    QUESTION,
    REASON,
    plain_values,
)
from mews_assets.defs.base.partitions import scope_and_window
from mews_assets.defs.base.run_history import is_going

PAGE = 1000
_TOTALS = {"rows", "partitions", "scopes", "rows_written", "rows_arrived", "rows_held_before", "repeats"}
"""Numbers that say how much was looked at, not how much is wrong."""
_TYPES = (
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.FRESHNESS_STATE_CHANGE,
    dg.DagsterEventType.ASSET_OBSERVATION,
)


def new_events(instance: dg.DagsterInstance, feed: Feed) -> Iterator[list[dg.EventLogRecord]]:
    """All events since the feed's place in the order of their numbers, page by page."""
    after = feed.after
    while True:
        pages = [_page(instance, kind, after, feed.since) for kind in _TYPES]
        # Beyond the end of a full page there may be more of that kind: what is later waits for it.
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
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        # SQLite's own method would look through every run's file; all of these are in its index as well.
        return list(SqlEventLogStorage.get_event_records(storage, wanted, limit=PAGE, ascending=True))
    return list(storage.get_event_records(wanted, limit=PAGE, ascending=True))


def facts_of(instance: dg.DagsterInstance, record: dg.EventLogRecord) -> list[Fact]:
    """What an event says; an ended run may say something of several assets."""
    entry = record.event_log_entry
    event = entry.dagster_event
    assert event is not None
    at = datetime.fromtimestamp(entry.timestamp, UTC)
    if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return [_verdict(event.asset_check_evaluation_data, record.storage_id, at, entry.run_id)]
    if event.event_type is dg.DagsterEventType.FRESHNESS_STATE_CHANGE:
        return _some(_freshness(event.event_specific_data, record.storage_id, at))
    if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION:
        return _some(_given_up(event.asset_observation_data.asset_observation, record.storage_id, at))
    run = instance.get_run_by_id(entry.run_id)
    if run is None:  # deleted since
        return []
    if event.event_type is dg.DagsterEventType.RUN_SUCCESS:
        return run_facts.succeeded(run, record.storage_id, at)
    return run_facts.failed(instance, run, event, record.storage_id, at)


def _some(fact: Fact | None) -> list[Fact]:
    return [] if fact is None else [fact]


def is_still_going(instance: dg.DagsterInstance, run: str) -> bool:
    """Whether a run may still say more; what no run said is complete at once."""
    return bool(run) and is_going(instance, run)


def _verdict(one: dg.AssetCheckEvaluation, event: int, at: datetime, run: str) -> Fact:
    metadata = plain_values(one.metadata)
    told = Fact(
        Subject(Kind.CHECK, one.asset_key.to_user_string(), one.check_name),
        event,
        at,
        "" if run == RUNLESS_RUN_ID else run,
        Urgency.WARNING if one.severity is dg.AssetCheckSeverity.WARN else Urgency.FAILURE,
    )
    if one.partition is not None:
        if one.passed:
            return replace(told, passes=(PartKey(*scope_and_window(one.partition)),))
        return replace(told, fails=(_part(PartKey(*scope_and_window(one.partition)), metadata),))
    named = metadata.get(FAILED_PARTITIONS)
    if isinstance(named, list):
        # The summary of a run: it knows nothing of the partitions of other runs.
        return replace(told, fails=tuple(Part(PartKey(*scope_and_window(str(key)))) for key in named))
    late = metadata.get(LATE_SCOPES)
    if isinstance(late, list):
        fails = tuple(_part(PartKey(str(row["scope"])), {LATE_HOURS: row[LATE_HOURS]}) for row in late)
        # The list is cut, its number is not.
        cause = f"{metadata.get('late')} of {metadata.get('scopes')} are behind."
        return replace(told, fails=fails, tells_all=True, cause=cause)
    return replace(told, fails=() if one.passed else (_part(WHOLE, metadata),), tells_all=True)


def _part(key: PartKey, metadata: Mapping[str, Any]) -> Part:
    """What is wrong there, in numbers: words in metadata may be a guest's."""
    numbers = dict(_numbers(metadata))
    weight = sum(abs(value) for name, value in numbers.items() if name not in _TOTALS)
    ordered = sorted(numbers, key=lambda name: name in _TOTALS)
    text = ", ".join(f"{name} {numbers[name]:,}".strip() for name in ordered if numbers[name])
    return Part(key, text, float(weight))


def _numbers(metadata: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers there are; where none says how much is wrong, how many entries the lists have."""
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


def _freshness(change: Any, event: int, at: datetime) -> Fact | None:
    """Dagster's own policy, which looks at an asset as a whole."""
    subject = Subject(Kind.FRESHNESS, change.key.to_user_string())
    state = change.new_state.value
    if state == "PASS":
        return Fact(subject, event, at, passes=(WHOLE,))
    if state not in ("WARN", "FAIL"):
        return None
    urgency = Urgency.WARNING if state == "WARN" else Urgency.FAILURE
    return Fact(subject, event, at, urgency=urgency, fails=(Part(WHOLE),))


def _given_up(one: dg.AssetObservation, event: int, at: datetime) -> Fact | None:
    metadata = plain_values(one.metadata)
    question, state = metadata.get(QUESTION), metadata.get(GIVEN_UP)
    if not isinstance(question, Mapping) or not isinstance(state, bool):
        return None
    window = f"{question['start_utc']} to {question['end_utc']}"
    keys = [PartKey(scope, window) for scope in question["scopes"]]
    subject = Subject(Kind.GIVEN_UP, one.asset_key.to_user_string())
    if not state:
        return Fact(subject, event, at, passes=tuple(keys))
    cause = str(metadata.get(REASON, ""))
    return Fact(subject, event, at, fails=tuple(Part(key) for key in keys), cause=cause)
