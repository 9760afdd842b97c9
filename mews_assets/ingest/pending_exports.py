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
from typing import Any

from mews_assets.api.exports import Next
from mews_assets.lake.landing.export_log import AskedExport
from mews_assets.windows import Window, from_api, to_api

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
class Flight:
    """An export under way. `runs` counts the runs launched for it; after one failed, none before `again_at`."""

    export: AskedExport
    runs: int = 0
    again_at: datetime | None = None

    @property
    def question(self) -> Question:
        return Question(self.export.connection, self.export.scopes, self.export.window)


@dataclass(frozen=True)
class Question:
    """What was asked: the unit that fails, backs off and is given up."""

    connection: str
    scopes: tuple[str, ...]
    window: Window

    def meets(self, other: Question) -> bool:
        """Whether both ask for some of the same."""
        return (
            self.connection == other.connection
            and self.window.start < other.window.end
            and other.window.start < self.window.end
            and not set(self.scopes).isdisjoint(other.scopes)
        )

    def holds(self, other: Question) -> bool:
        """Whether this asks for all that the other asks for."""
        return (
            self.connection == other.connection
            and self.window.covers(other.window)
            and set(self.scopes) >= set(other.scopes)
        )


@dataclass(frozen=True)
class Trouble:
    """Failures of one question. No new export for it before `until`; none at all once given up."""

    question: Question
    failures: int
    until: datetime
    reason: str
    given_up: bool = False


@dataclass(frozen=True)
class Decision:
    """What one tick does: runs to launch, exports to forget, and what is still under way afterwards."""

    launch: list[Flight] = field(default_factory=list)
    forget: list[AskedExport] = field(default_factory=list)
    going_on: list[Flight] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    landed: list[Flight] = field(default_factory=list)
    waiting_at_mews: list[Flight] = field(default_factory=list)


def decide(
    flights: Iterable[Flight],
    states: Mapping[str, Next | None],
    runs: Mapping[str, RunState],
    troubles: Iterable[Trouble],
    now: datetime,
) -> Decision:
    """What to do about every flight.

    `states` are by export id as Mews reports them, None where Mews no longer knows the id; ids that were not
    asked about are left out. `runs` is the newest run of each export.
    """
    known = {trouble.question: trouble for trouble in troubles}
    decision = Decision()
    for flight in flights:
        run = runs.get(flight.export.id, RunState.NONE)
        if run is RunState.GOING:
            decision.going_on.append(flight)
        elif run is RunState.SUCCEEDED:
            known.pop(flight.question, None)
            decision.landed.append(flight)
            decision.forget.append(flight.export)
        elif run is RunState.FAILED_FOR_GOOD:
            _fail(
                decision, known, flight, "its run failed, and says that again cannot help", now, for_good=True
            )
        elif run is RunState.FAILED and flight.runs >= MAX_TRIES:
            _fail(decision, known, flight, f"{flight.runs} runs failed", now)
        elif run is RunState.FAILED and flight.again_at is None:
            decision.going_on.append(replace(flight, again_at=now + backoff(flight.runs)))
        elif run is RunState.FAILED and flight.again_at is not None and now < flight.again_at:
            decision.going_on.append(flight)
        else:
            _by_state(decision, known, flight, states, now)
    decision.troubles.extend(known.values())
    return decision


def _by_state(
    decision: Decision,
    known: dict[Question, Trouble],
    flight: Flight,
    states: Mapping[str, Next | None],
    now: datetime,
) -> None:
    state = states.get(flight.export.id, Next.WAIT)
    if state is Next.READY:
        started = replace(flight, runs=flight.runs + 1, again_at=None)
        decision.launch.append(started)
        decision.going_on.append(started)
    elif state is not Next.WAIT:
        reason = {Next.FAILED: "it failed at Mews", Next.EXPIRED: "it expired"}.get(
            state or Next.WAIT, "Mews no longer knows it"
        )
        _fail(decision, known, flight, reason, now)
    elif now - flight.export.asked_at > DEADLINE:
        _fail(decision, known, flight, f"it was not ready within {DEADLINE}", now)
    else:
        decision.going_on.append(flight)
        decision.waiting_at_mews.append(flight)


def _fail(
    decision: Decision,
    known: dict[Question, Trouble],
    flight: Flight,
    reason: str,
    now: datetime,
    *,
    for_good: bool = False,
) -> None:
    decision.forget.append(flight.export)
    text = f"export {flight.export.id}: {reason}"
    trouble = troubled(known.values(), flight.question, text, now, for_good=for_good)
    _replace(known, trouble)


def troubled(
    before: Iterable[Trouble], question: Question, reason: str, now: datetime, *, for_good: bool = False
) -> Trouble:
    """One more failure of a question, or of one that asked for some of the same: questions grow by the day."""
    failures = 1 + max((one.failures for one in before if _counts_for(one, question)), default=0)
    pause = backoff(failures)
    return Trouble(question, failures, now + pause, reason, for_good or failures >= MAX_TRIES)


def paused(before: Iterable[Trouble], question: Question, reason: str, now: datetime) -> Trouble:
    """A question that Mews could not even take: it is not given up however long that lasts."""
    failures = max((one.failures for one in before if _counts_for(one, question)), default=0)
    return Trouble(question, failures, now + FIRST_BACKOFF, reason)


def with_trouble(troubles: Iterable[Trouble], trouble: Trouble) -> list[Trouble]:
    """The troubles with a new one, without those it stands for."""
    known = {one.question: one for one in troubles}
    _replace(known, trouble)
    return list(known.values())


def _replace(known: dict[Question, Trouble], trouble: Trouble) -> None:
    for one in [one for one in known.values() if _counts_for(one, trouble.question)]:
        if trouble.question.holds(one.question):
            del known[one.question]
    known[trouble.question] = trouble


def _counts_for(trouble: Trouble, question: Question) -> bool:
    # What was given up is no measure for its neighbours: a question that reaches over it starts anew.
    return trouble.question == question or (not trouble.given_up and trouble.question.meets(question))


def backoff(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * (1 << min(max(failures, 1) - 1, 10)))


def blocked(troubles: Iterable[Trouble], now: datetime) -> list[Question]:
    """The questions that may not be asked now."""
    return [trouble.question for trouble in troubles if trouble.given_up or now < trouble.until]


def to_state(flights: Iterable[Flight], troubles: Iterable[Trouble]) -> dict[str, Any]:
    """What a sensor keeps between ticks, as JSON."""
    return {
        "flights": [
            {
                "export": flight.export.id,
                "table": flight.export.table,
                "asked_at": to_api(flight.export.asked_at),
                "asked_by": flight.export.asked_by,
                "runs": flight.runs,
                "again_at": to_api(flight.again_at) if flight.again_at else None,
                **question_json(flight.question),
            }
            for flight in flights
        ],
        "troubles": [
            {
                "failures": trouble.failures,
                "until": to_api(trouble.until),
                "reason": trouble.reason,
                "given_up": trouble.given_up,
                **question_json(trouble.question),
            }
            for trouble in troubles
        ],
    }


def from_state(state: Mapping[str, Any]) -> tuple[list[Flight], list[Trouble]]:
    """The other way round."""
    flights = []
    for one in state.get("flights", ()):
        question = _question(one)
        export = AskedExport(
            id=one["export"],
            connection=question.connection,
            table=one["table"],
            scopes=question.scopes,
            window=question.window,
            asked_at=from_api(one["asked_at"]),
            asked_by=one["asked_by"],
        )
        again_at = one.get("again_at")
        flights.append(Flight(export, one["runs"], from_api(again_at) if again_at else None))
    troubles = [
        Trouble(_question(one), one["failures"], from_api(one["until"]), one["reason"], one["given_up"])
        for one in state.get("troubles", ())
    ]
    return flights, troubles


def newly_given_up(before: Iterable[Trouble], after: Iterable[Trouble]) -> list[Trouble]:
    """The troubles that are given up now and were not before."""
    known = {one.question for one in before if one.given_up}
    return [one for one in after if one.given_up and one.question not in known]


def question_json(question: Question) -> dict[str, Any]:
    """A question as JSON."""
    return {
        "connection": question.connection,
        "scopes": list(question.scopes),
        "start_utc": to_api(question.window.start),
        "end_utc": to_api(question.window.end),
    }


def _question(value: Mapping[str, Any]) -> Question:
    window = Window(from_api(value["start_utc"]), from_api(value["end_utc"]))
    return Question(value["connection"], tuple(value["scopes"]), window)
