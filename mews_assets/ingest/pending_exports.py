"""Pending exports: from the request to Mews until a run has landed the files, and what to do about each.

Lives here: the decisions, as pure functions over plain values. Not here: the state a sensor keeps between ticks
(`sensor_state`), asking Mews and launching runs (`defs.sensors`).

An export is pending until its run has succeeded. The export log removes an export as soon as it has landed, but its
partitions are not merged before the run ends: without the pending export they would be requested once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from mews_assets.api.exports import Next
from mews_assets.backoff import backoff
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.windows import Window

MAX_TRIES = 3
"""Tries of one request at Mews, and of the run for each of its exports."""
DEADLINE = timedelta(hours=24)
"""An export that is not ready by then is given up: Mews names minutes to hours."""
FIRST_BACKOFF = timedelta(minutes=5)
"""The pause after one failure, doubled with every further failure of the same request."""
LONGEST_BACKOFF = timedelta(hours=1)


class RunState(Enum):
    """The state of the run of a pending export."""

    NONE = "none"
    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FAILED_FOR_GOOD = "failed for good"


@dataclass(frozen=True)
class PendingExport:
    """`runs` counts the runs launched for the export; after a failed run the next starts no earlier than `again_at`."""

    export: LoggedExport
    runs: int = 0
    again_at: datetime | None = None

    @property
    def request(self) -> ExportRequest:
        return ExportRequest(self.export.connection, self.export.scopes, self.export.window)


@dataclass(frozen=True)
class ExportRequest:
    """What an export was asked for: the unit that fails, waits and is given up."""

    connection: str
    scopes: tuple[str, ...]
    window: Window

    def overlaps(self, other: ExportRequest) -> bool:
        """Whether both ask for some of the same partitions."""
        return (
            self.connection == other.connection
            and self.window.start < other.window.end
            and other.window.start < self.window.end
            and not set(self.scopes).isdisjoint(other.scopes)
        )

    def contains(self, other: ExportRequest) -> bool:
        """Whether this asks for every partition of the other."""
        return (
            self.connection == other.connection
            and self.window.covers(other.window)
            and set(self.scopes) >= set(other.scopes)
        )


@dataclass(frozen=True)
class ExportFailure:
    """The failures of one request. It gets no new export before `until`, and none at all once given up."""

    request: ExportRequest
    failures: int
    until: datetime
    reason: str
    given_up: bool = False


@dataclass(frozen=True)
class Decision:
    """What one tick does: runs to launch, exports to remove from the log, and exports that are still pending."""

    launch: list[PendingExport] = field(default_factory=list)
    drop: list[LoggedExport] = field(default_factory=list)
    in_progress: list[PendingExport] = field(default_factory=list)
    failures: list[ExportFailure] = field(default_factory=list)
    landed: list[PendingExport] = field(default_factory=list)
    waiting_at_mews: list[PendingExport] = field(default_factory=list)


def decide(
    pending_exports: Iterable[PendingExport],
    states: Mapping[str, Next | None],
    runs: Mapping[str, RunState],
    failures: Iterable[ExportFailure],
    now: datetime,
) -> Decision:
    """What to do about every pending export.

    `states` are Mews' by export id, None where Mews no longer knows the id; ids whose state was not read are left out.
    `runs` is the state of the newest run of each export.
    """
    known = {failure.request: failure for failure in failures}
    decision = Decision()
    for pending in pending_exports:
        run = runs.get(pending.export.id, RunState.NONE)
        if run is RunState.GOING:
            decision.in_progress.append(pending)
        elif run is RunState.SUCCEEDED:
            known.pop(pending.request, None)
            decision.landed.append(pending)
            decision.drop.append(pending.export)
        elif run is RunState.FAILED_FOR_GOOD:
            _fail(decision, known, pending, "its run failed and cannot succeed", now, for_good=True)
        elif run is RunState.FAILED and pending.runs >= MAX_TRIES:
            _fail(decision, known, pending, f"{pending.runs} runs failed", now)
        elif run is RunState.FAILED and pending.again_at is None:
            decision.in_progress.append(replace(pending, again_at=now + wait_after(pending.runs)))
        elif run is RunState.FAILED and pending.again_at is not None and now < pending.again_at:
            decision.in_progress.append(pending)
        else:
            _by_state(decision, known, pending, states, now)
    decision.failures.extend(known.values())
    return decision


def _by_state(
    decision: Decision,
    known: dict[ExportRequest, ExportFailure],
    pending: PendingExport,
    states: Mapping[str, Next | None],
    now: datetime,
) -> None:
    state = states.get(pending.export.id, Next.WAIT)
    if state is Next.READY:
        started = replace(pending, runs=pending.runs + 1, again_at=None)
        decision.launch.append(started)
        decision.in_progress.append(started)
    elif state is not Next.WAIT:
        reason = {Next.FAILED: "it failed at Mews", Next.EXPIRED: "it expired"}.get(
            state or Next.WAIT, "Mews no longer knows it"
        )
        _fail(decision, known, pending, reason, now)
    elif now - pending.export.asked_at > DEADLINE:
        _fail(decision, known, pending, f"it was not ready within {DEADLINE}", now)
    else:
        decision.in_progress.append(pending)
        decision.waiting_at_mews.append(pending)


def _fail(
    decision: Decision,
    known: dict[ExportRequest, ExportFailure],
    pending: PendingExport,
    reason: str,
    now: datetime,
    *,
    for_good: bool = False,
) -> None:
    decision.drop.append(pending.export)
    text = f"export {pending.export.id}: {reason}"
    failure = record_failure(known.values(), pending.request, text, now, for_good=for_good)
    _replace(known, failure)


def record_failure(
    before: Iterable[ExportFailure],
    request: ExportRequest,
    reason: str,
    now: datetime,
    *,
    for_good: bool = False,
) -> ExportFailure:
    """One more failure of a request. Those of overlapping requests count too: a request grows by a window every day."""
    failures = 1 + max((earlier.failures for earlier in before if _counts_for(earlier, request)), default=0)
    pause = wait_after(failures)
    return ExportFailure(request, failures, now + pause, reason, for_good or failures >= MAX_TRIES)


def record_pause(
    before: Iterable[ExportFailure], request: ExportRequest, reason: str, now: datetime
) -> ExportFailure:
    """A request that Mews did not accept for now: it waits, and is not given up however often that happens."""
    failures = max((earlier.failures for earlier in before if _counts_for(earlier, request)), default=0)
    return ExportFailure(request, failures, now + FIRST_BACKOFF, reason)


def add_failure(failures: Iterable[ExportFailure], new: ExportFailure) -> list[ExportFailure]:
    """The failures with a new one, which replaces those of requests that it contains."""
    known = {failure.request: failure for failure in failures}
    _replace(known, new)
    return list(known.values())


def _replace(known: dict[ExportRequest, ExportFailure], failure: ExportFailure) -> None:
    for earlier in [earlier for earlier in known.values() if _counts_for(earlier, failure.request)]:
        if failure.request.contains(earlier.request):
            del known[earlier.request]
    known[failure.request] = failure


def _counts_for(failure: ExportFailure, request: ExportRequest) -> bool:
    # A request that was given up does not count for a longer one that contains it: that one starts at no failure.
    return failure.request == request or (not failure.given_up and failure.request.overlaps(request))


def wait_after(failures: int) -> timedelta:
    """The pause after this many failures in a row."""
    return backoff(FIRST_BACKOFF, LONGEST_BACKOFF, failures)


def blocked(failures: Iterable[ExportFailure], now: datetime) -> list[ExportRequest]:
    """The requests that get no export now."""
    return [failure.request for failure in failures if failure.given_up or now < failure.until]


def newly_given_up(before: Iterable[ExportFailure], after: Iterable[ExportFailure]) -> list[ExportFailure]:
    """The failures that are given up now and were not before."""
    known = {failure.request for failure in before if failure.given_up}
    return [failure for failure in after if failure.given_up and failure.request not in known]
