"""Flights: exports from being asked for to being landed by a run, and what to do about each.

Lives here: the decisions, as pure functions over plain values, and the state a sensor keeps between ticks.
Not here: asking Mews, launching runs (`defs`).

A flight is over when its run has succeeded. It is remembered until then, though the export log forgets an
export once it has landed: in between, its partitions are neither in flight at Mews nor there yet.
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
"""Of one question at Mews; and of the run for each of its exports."""
DEADLINE = timedelta(hours=24)
"""An export that is still not ready then is given up: Mews says minutes to hours."""
FIRST_BACKOFF = timedelta(minutes=5)
"""Doubled with every failure of the same question."""
LONGEST_BACKOFF = timedelta(hours=1)


class RunState(Enum):
    """How far the run of a flight is."""

    NONE = "none"
    GOING = "going"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FAILED_FOR_GOOD = "failed for good"


@dataclass(frozen=True)
class PendingExport:
    """An export under way. `runs` counts the runs launched for it; after one failed, none before `again_at`."""

    export: LoggedExport
    runs: int = 0
    again_at: datetime | None = None

    @property
    def request(self) -> ExportRequest:
        return ExportRequest(self.export.connection, self.export.scopes, self.export.window)


@dataclass(frozen=True)
class ExportRequest:
    """What was asked: the unit that fails, backs off and is given up."""

    connection: str
    scopes: tuple[str, ...]
    window: Window

    def overlaps(self, other: ExportRequest) -> bool:
        """Whether both ask for some of the same."""
        return (
            self.connection == other.connection
            and self.window.start < other.window.end
            and other.window.start < self.window.end
            and not set(self.scopes).isdisjoint(other.scopes)
        )

    def contains(self, other: ExportRequest) -> bool:
        """Whether this asks for all that the other asks for."""
        return (
            self.connection == other.connection
            and self.window.covers(other.window)
            and set(self.scopes) >= set(other.scopes)
        )


@dataclass(frozen=True)
class ExportFailure:
    """Failures of one question. No new export for it before `until`; none at all once given up."""

    request: ExportRequest
    failures: int
    until: datetime
    reason: str
    given_up: bool = False


@dataclass(frozen=True)
class Decision:
    """What one tick does: runs to launch, exports to forget, and what is still under way afterwards."""

    launch: list[PendingExport] = field(default_factory=list)
    drop: list[LoggedExport] = field(default_factory=list)
    in_progress: list[PendingExport] = field(default_factory=list)
    failures: list[ExportFailure] = field(default_factory=list)
    landed: list[PendingExport] = field(default_factory=list)
    waiting_at_mews: list[PendingExport] = field(default_factory=list)


def decide(
    flights: Iterable[PendingExport],
    states: Mapping[str, Next | None],
    runs: Mapping[str, RunState],
    troubles: Iterable[ExportFailure],
    now: datetime,
) -> Decision:
    """What to do about every flight.

    `states` are by export id as Mews reports them, None where Mews no longer knows the id; ids that were not
    asked about are left out. `runs` is the newest run of each export.
    """
    known = {trouble.request: trouble for trouble in troubles}
    decision = Decision()
    for flight in flights:
        run = runs.get(flight.export.id, RunState.NONE)
        if run is RunState.GOING:
            decision.in_progress.append(flight)
        elif run is RunState.SUCCEEDED:
            known.pop(flight.request, None)
            decision.landed.append(flight)
            decision.drop.append(flight.export)
        elif run is RunState.FAILED_FOR_GOOD:
            _fail(
                decision, known, flight, "its run failed, and says that again cannot help", now, for_good=True
            )
        elif run is RunState.FAILED and flight.runs >= MAX_TRIES:
            _fail(decision, known, flight, f"{flight.runs} runs failed", now)
        elif run is RunState.FAILED and flight.again_at is None:
            decision.in_progress.append(replace(flight, again_at=now + wait_after(flight.runs)))
        elif run is RunState.FAILED and flight.again_at is not None and now < flight.again_at:
            decision.in_progress.append(flight)
        else:
            _by_state(decision, known, flight, states, now)
    decision.failures.extend(known.values())
    return decision


def _by_state(
    decision: Decision,
    known: dict[ExportRequest, ExportFailure],
    flight: PendingExport,
    states: Mapping[str, Next | None],
    now: datetime,
) -> None:
    state = states.get(flight.export.id, Next.WAIT)
    if state is Next.READY:
        started = replace(flight, runs=flight.runs + 1, again_at=None)
        decision.launch.append(started)
        decision.in_progress.append(started)
    elif state is not Next.WAIT:
        reason = {Next.FAILED: "it failed at Mews", Next.EXPIRED: "it expired"}.get(
            state or Next.WAIT, "Mews no longer knows it"
        )
        _fail(decision, known, flight, reason, now)
    elif now - flight.export.asked_at > DEADLINE:
        _fail(decision, known, flight, f"it was not ready within {DEADLINE}", now)
    else:
        decision.in_progress.append(flight)
        decision.waiting_at_mews.append(flight)


def _fail(
    decision: Decision,
    known: dict[ExportRequest, ExportFailure],
    flight: PendingExport,
    reason: str,
    now: datetime,
    *,
    for_good: bool = False,
) -> None:
    decision.drop.append(flight.export)
    text = f"export {flight.export.id}: {reason}"
    trouble = record_failure(known.values(), flight.request, text, now, for_good=for_good)
    _replace(known, trouble)


def record_failure(
    before: Iterable[ExportFailure],
    question: ExportRequest,
    reason: str,
    now: datetime,
    *,
    for_good: bool = False,
) -> ExportFailure:
    """One more failure of a question, or of one that asked for some of the same: questions grow by the day."""
    failures = 1 + max((one.failures for one in before if _counts_for(one, question)), default=0)
    pause = wait_after(failures)
    return ExportFailure(question, failures, now + pause, reason, for_good or failures >= MAX_TRIES)


def record_pause(
    before: Iterable[ExportFailure], question: ExportRequest, reason: str, now: datetime
) -> ExportFailure:
    """A question that Mews could not even take: it is not given up however long that lasts."""
    failures = max((one.failures for one in before if _counts_for(one, question)), default=0)
    return ExportFailure(question, failures, now + FIRST_BACKOFF, reason)


def add_failure(troubles: Iterable[ExportFailure], trouble: ExportFailure) -> list[ExportFailure]:
    """The troubles with a new one, without those it stands for."""
    known = {one.request: one for one in troubles}
    _replace(known, trouble)
    return list(known.values())


def _replace(known: dict[ExportRequest, ExportFailure], trouble: ExportFailure) -> None:
    for one in [one for one in known.values() if _counts_for(one, trouble.request)]:
        if trouble.request.contains(one.request):
            del known[one.request]
    known[trouble.request] = trouble


def _counts_for(trouble: ExportFailure, question: ExportRequest) -> bool:
    # What was given up is no measure for its neighbours: a question that reaches over it starts anew.
    return trouble.request == question or (not trouble.given_up and trouble.request.overlaps(question))


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    return backoff(FIRST_BACKOFF, LONGEST_BACKOFF, failures)


def blocked(troubles: Iterable[ExportFailure], now: datetime) -> list[ExportRequest]:
    """The questions that may not be asked now."""
    return [trouble.request for trouble in troubles if trouble.given_up or now < trouble.until]


def newly_given_up(before: Iterable[ExportFailure], after: Iterable[ExportFailure]) -> list[ExportFailure]:
    """The troubles that are given up now and were not before."""
    known = {one.request for one in before if one.given_up}
    return [one for one in after if one.given_up and one.request not in known]
