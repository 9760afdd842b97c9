"""Flights: no export is lost, none is asked for twice, and what keeps failing is given up singly and in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings

from mews_assets.api.exports import Next
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Export
from mews_assets.ingest.due import due, not_covered
from mews_assets.ingest.pending_exports import (
    DEADLINE,
    FIRST_BACKOFF,
    LONGEST_BACKOFF,
    MAX_TRIES,
    Decision,
    ExportFailure,
    ExportRequest,
    PendingExport,
    RunState,
    add_failure,
    blocked,
    decide,
    record_failure,
    record_pause,
    wait_after,
)
from mews_assets.ingest.plan import plan
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.windows import Grain
from mews_assets_tests.ingest.made_exports import MINUTE, NOW, flight, flights, window

ENDED = {RunState.SUCCEEDED, RunState.FAILED_FOR_GOOD}


def decided(one: PendingExport, state: Next | None = Next.WAIT, run: RunState = RunState.NONE, now: datetime = NOW,
            troubles: list[ExportFailure] | None = None) -> Decision:  # fmt: skip
    return decide([one], {one.export.id: state}, {one.export.id: run}, troubles or [], now)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(given_flights=flights())
def test_a_flight_goes_on_or_is_forgotten_and_nothing_else(
    given_flights: list[tuple[PendingExport, RunState, Next | None]],
) -> None:
    decision = decide(
        [one for one, _, _ in given_flights],
        {one.export.id: state for one, _, state in given_flights},
        {one.export.id: run for one, run, _ in given_flights},
        [],
        NOW,
    )
    going_on = [one.export.id for one in decision.in_progress]
    forgotten = [one.id for one in decision.drop]
    assert sorted(going_on + forgotten) == sorted(one.export.id for one, _, _ in given_flights)
    assert {one.export.id for one in decision.landed} <= set(forgotten)
    troubled_windows = {one.request for one in decision.failures}
    for one, run, _ in given_flights:
        landed_since = any(other.request.contains(one.request) for other in decision.landed)
        if one.export.id in forgotten and not landed_since:
            assert any(question.contains(one.request) for question in troubled_windows)
        if run in ENDED | {RunState.GOING}:
            assert one.export.id not in {launched.export.id for launched in decision.launch}
    for launched in decision.launch:
        assert launched in decision.in_progress


def test_a_flight_is_launched_once_for_each_time_it_is_ready_and_has_no_run() -> None:
    ready = decided(flight(), Next.READY)
    assert [one.runs for one in ready.launch] == [1]
    again = decided(ready.in_progress[0], Next.READY, RunState.GOING)
    assert (again.launch, again.in_progress) == ([], ready.in_progress)
    landed = decided(ready.in_progress[0], Next.READY, RunState.SUCCEEDED)
    assert (landed.launch, landed.in_progress, landed.landed) == ([], [], ready.in_progress)


def test_a_failed_run_is_launched_again_after_pauses_that_double_and_never_twice_at_once() -> None:
    now, one, launched = NOW, flight(runs=1), []
    while one.runs < MAX_TRIES:
        paused_one = decided(one, Next.READY, RunState.FAILED, now)
        assert paused_one.launch == []
        one = paused_one.in_progress[0]
        assert one.again_at is not None
        launched.append(one.again_at - now)
        assert decided(one, Next.READY, RunState.FAILED, one.again_at - MINUTE).in_progress == [one]
        now = one.again_at
        (one,) = decided(one, Next.READY, RunState.FAILED, now).launch
        assert one.again_at is None
    assert launched == [FIRST_BACKOFF, 2 * FIRST_BACKOFF]
    last = decided(one, Next.READY, RunState.FAILED, now)
    assert (last.launch, last.in_progress, [found.id for found in last.drop]) == ([], [], ["x"])
    assert not last.failures[0].given_up, "a new export may still bring it"


def test_a_run_that_says_again_cannot_help_is_not_repeated() -> None:
    decision = decided(flight(runs=1), Next.READY, RunState.FAILED_FOR_GOOD)
    assert (decision.launch, decision.in_progress) == ([], [])
    (trouble,) = decision.failures
    assert trouble.given_up
    assert blocked([trouble], NOW + timedelta(days=400)) == [flight().request]


@pytest.mark.parametrize(
    ("state", "said"),
    [(Next.FAILED, "it failed at Mews"), (Next.EXPIRED, "it expired"), (None, "Mews no longer knows it")],
)
def test_an_export_that_brings_nothing_is_forgotten_and_asked_for_again_later(
    state: Next | None, said: str
) -> None:
    decision = decided(flight(), state)
    (trouble,) = decision.failures
    assert [one.id for one in decision.drop] == ["x"]
    assert trouble.reason == f"export x: {said}"
    assert (trouble.failures, trouble.until, trouble.given_up) == (1, NOW + FIRST_BACKOFF, False)
    assert blocked([trouble], trouble.until - MINUTE) == [flight().request]
    assert blocked([trouble], trouble.until) == []


def test_an_export_that_is_not_ready_by_its_deadline_is_given_up_and_not_a_moment_before() -> None:
    assert decided(flight(), now=NOW + DEADLINE).waiting_at_mews
    late = decided(flight(), now=NOW + DEADLINE + MINUTE)
    assert late.drop
    assert "not ready within" in late.failures[0].reason


def test_an_export_has_a_day_and_a_failed_request_waits_from_five_minutes_to_an_hour() -> None:
    """The limits that operators rely on: written out, so that a changed constant fails."""
    assert decided(flight(), now=NOW + timedelta(hours=24)).waiting_at_mews
    assert decided(flight(), now=NOW + timedelta(hours=24, minutes=1)).drop
    assert [wait_after(failures) for failures in (1, 2, 99)] == [
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(hours=1),
    ]


def test_an_export_whose_state_nobody_could_ask_for_is_waited_for() -> None:
    decision = decide([flight()], {}, {}, [], NOW)
    assert decision.waiting_at_mews == decision.in_progress == [flight()]


def failed_times(times: int) -> ExportFailure:
    trouble: ExportFailure | None = None
    for _ in range(times):
        trouble = decided(flight(), Next.FAILED, troubles=[trouble] if trouble else []).failures[0]
    assert trouble is not None
    return trouble


def test_a_question_is_given_up_after_its_last_try() -> None:
    assert [failed_times(times).given_up for times in range(1, MAX_TRIES + 1)] == [False, False, True]


def test_the_pause_doubles_with_each_failure_up_to_an_hour() -> None:
    found, known = [], list[ExportFailure]()
    for _ in range(8):
        one = replace(record_failure(known, flight().request, "", NOW), given_up=False)
        found.append(one.until - NOW)
        known = [one]
    assert found[:4] == [FIRST_BACKOFF * (1 << number) for number in range(4)]
    assert found[-1] == LONGEST_BACKOFF


def test_a_question_that_grew_by_a_day_counts_the_failures_of_the_one_before() -> None:
    first = decided(flight(), Next.FAILED).failures
    grown = flight("y", days=(0, 10), scopes="abc")
    (second,) = decided(grown, Next.FAILED, troubles=first).failures
    assert (second.failures, second.request) == (2, grown.request)


def test_a_question_that_reaches_over_one_that_was_given_up_starts_anew() -> None:
    given_up = replace(record_failure([], flight(days=(4, 4)).request, "poison", NOW, for_good=True))
    around = decided(flight(days=(0, 9)), Next.FAILED, troubles=[given_up]).failures
    assert [(one.failures, one.given_up) for one in around] == [(1, True), (1, False)]


def test_other_questions_are_no_concern_of_a_failing_one() -> None:
    elsewhere = [
        ExportFailure(ExportRequest("two", ("a",), window()), 2, NOW, ""),
        ExportFailure(ExportRequest("one", ("c",), window()), 2, NOW, ""),
        ExportFailure(ExportRequest("one", ("a",), window(10, 19)), 2, NOW, ""),
    ]
    decision = decided(flight(), Next.FAILED, troubles=elsewhere)
    assert decision.failures[:3] == elsewhere
    assert decision.failures[3].failures == 1


def test_what_mews_could_not_even_take_is_never_given_up() -> None:
    known: list[ExportFailure] = []
    for _ in range(50):
        known = add_failure(known, record_pause(known, flight().request, "no answer", NOW))
    (trouble,) = known
    assert (trouble.failures, trouble.given_up, trouble.until) == (0, False, NOW + FIRST_BACKOFF)


def test_a_landed_flight_ends_the_trouble_of_its_question() -> None:
    decision = decided(flight(), Next.READY, RunState.SUCCEEDED, troubles=[failed_times(2)])
    assert decision.failures == []


class SimulatedMews:
    """Exports that take a while and at times fail, runs that at times fail; a clock that ticks by minutes."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        self.draw, self.now = draw, NOW
        self.ready_at: dict[str, datetime] = {}
        self.fate: dict[str, Next | None] = {}
        self.runs: dict[str, RunState] = {}
        self.added, self.failures = 0, 0

    def add(self, question: ExportRequest) -> LoggedExport:
        in_flight = [
            one for one, at in self.ready_at.items() if at > self.now and one[0] == question.connection[0]
        ]
        assert not in_flight, "one export at a time per connection"
        self.added += 1
        name = f"{question.connection[0]}{self.added}"
        self.ready_at[name] = self.now + (1 + self.draw(30)) * MINUTE
        self.fate[name] = [Next.READY, Next.READY, Next.READY, Next.FAILED, Next.EXPIRED, None][self.draw(6)]
        return LoggedExport(
            name, question.connection, "order_items", question.scopes, question.window, self.now
        )

    def states(self, ids: list[str]) -> dict[str, Next | None]:
        return {one: self.fate[one] if self.now >= self.ready_at[one] else Next.WAIT for one in ids}

    def launch(self, one: PendingExport) -> bool:
        assert self.runs.get(one.export.id) in (None, RunState.FAILED), "nothing is launched twice"
        succeeded = self.draw(4) > 0
        self.runs[one.export.id] = RunState.SUCCEEDED if succeeded else RunState.FAILED
        return succeeded


TABLE = replace(
    table_of("order_items"), fetch=Export("OrderItem", max_length=timedelta(days=7), max_scopes=2)
)
CONNECTIONS = {"a": "one", "b": "one", "c": "one", "d": "two", "e": "two"}


@pytest.mark.parametrize("seed", range(25))
def test_planned_again_after_any_partial_success_all_ends_landed_with_few_exports(seed: int) -> None:
    numbers = Random(seed)
    mews = SimulatedMews(numbers.randrange)
    start = NOW - timedelta(days=20)
    there: set[tuple[str, str]] = set()
    under_way: list[PendingExport] = []
    troubles: list[ExportFailure] = []
    wanted = due(CONNECTIONS, start, NOW, Grain.DAILY, there, by_day=False)
    minimum = len(plan(TABLE, wanted, CONNECTIONS.__getitem__))
    failed = 0
    for _ in range(5000):
        decision = decide(
            under_way, mews.states([one.export.id for one in under_way]), mews.runs, troubles, mews.now
        )
        troubles = decision.failures
        failed += len(decision.drop) - len(decision.landed)
        for one in decision.launch:
            if mews.launch(one):
                days = [part for part in wanted if part.scope in one.export.scopes]
                there |= {
                    (part.scope, part.key(Grain.DAILY))
                    for part in days
                    if one.export.window.start <= part.window.start
                    and part.window.end <= one.export.window.end
                }
        # Given up is told to people, who mend it and launch: here the trouble is forgotten at once.
        troubles = [one for one in troubles if not one.given_up]
        missing = due(CONNECTIONS, start, NOW, Grain.DAILY, there, by_day=False)
        closed = [one.request for one in decision.in_progress] + blocked(troubles, mews.now)
        open_ones = not_covered(missing, [(one.scopes, one.window) for one in closed])
        for part in open_ones:
            assert not any(
                part.scope in one.export.scopes
                and one.export.window.start <= part.window.start
                and part.window.end <= one.export.window.end
                for one in decision.in_progress
            )
        under_way = list(decision.in_progress)
        busy = {one.export.connection for one in decision.waiting_at_mews}
        for pull in reversed(plan(TABLE, open_ones, CONNECTIONS.__getitem__)):
            if pull.connection not in busy:
                busy.add(pull.connection)
                under_way.append(
                    PendingExport(mews.add(ExportRequest(pull.connection, pull.scopes, pull.window)))
                )
        if not missing and not under_way:
            break
        mews.now += MINUTE
    assert not due(CONNECTIONS, start, NOW, Grain.DAILY, there, by_day=False)
    # A failure leaves a hole that later questions may reach over from either side.
    assert mews.added <= minimum + 2 * failed
