"""Incidents: opened once, joined by what belongs to them, resolved once; and over any sequence of facts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.alerts.incidents import (
    HOLD_FOR,
    Book,
    Change,
    ChangeKind,
    Fact,
    Kind,
    Part,
    PartKey,
    Subject,
    Urgency,
)
from mews_assets.alerts.state import Feed, State, decode, encode

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
KEY_UNIQUE = Subject(Kind.CHECK, "changes/payments", "key_unique")
RUNS = Subject(Kind.RUN, "payments")
OPENED, RESOLVED = ChangeKind.OPENED, ChangeKind.RESOLVED


def key_of(text: str) -> PartKey:
    """`hotel|day`, as these tests write it."""
    scope, _, window = text.partition("|")
    return PartKey(scope, window)


def short(key: PartKey) -> str:
    return "|".join(filter(None, key))


class Story:
    """A book that is told facts one after the other, a minute apart, and what came of it."""

    def __init__(self) -> None:
        self.book, self.event, self.at = Book(), 0, NOW
        self.changes: list[Change] = []

    def tell(
        self,
        *,
        fails: Iterable[str | Part] = (),
        passes: Iterable[str] = (),
        subject: Subject = KEY_UNIQUE,
        urgency: Urgency = Urgency.FAILURE,
        tells_all: bool = False,
        later: timedelta = timedelta(minutes=1),
        run: str = "",
    ) -> list[ChangeKind]:
        """What is told of it; nothing is held back."""
        self.event, self.at = self.event + 1, self.at + later
        parts = tuple(part if isinstance(part, Part) else Part(key_of(part)) for part in fails)
        passing = tuple(map(key_of, passes))
        fact = Fact(subject, self.event, self.at, run, urgency, parts, passing, tells_all)
        new = self.book.apply(fact) + self.book.announce(self.at, lambda run: False)
        self.changes += new
        return [one.kind for one in new]

    @property
    def failing(self) -> list[set[str]]:
        return [{short(key) for key in incident.parts} for incident in self.book]


def test_forty_failing_partitions_are_one_incident_that_ends_with_the_last() -> None:
    story = Story()
    keys = [f"{hotel}|2025-03-{day:02}" for hotel in "ab" for day in range(1, 21)]
    assert story.tell(fails=keys) == [OPENED]
    assert len(story.changes[0].incident.parts) == 40
    for key in keys[:-1]:
        assert story.tell(passes=[key]) == []
    assert story.tell(passes=keys[-1:]) == [RESOLVED]
    assert story.changes[1].incident.id == story.changes[0].incident.id
    assert story.changes[1].incident.most == 40
    assert list(story.book) == []


def test_what_fails_again_joins_and_is_not_told_again() -> None:
    story = Story()
    assert story.tell(fails=["a|1"]) == [OPENED]
    assert story.tell(fails=["a|1"]) == []
    assert story.tell(fails=["a|2"]) == []
    assert story.tell(fails=["b|2"]) == []
    assert story.tell(passes=["a|1", "a|2", "b|2"]) == [RESOLVED]
    assert story.tell(fails=["a|1"]) == [OPENED]
    assert len({one.incident.id for one in story.changes}) == 2


def test_what_passes_and_never_failed_says_nothing() -> None:
    assert Story().tell(passes=["a|1", ""]) == []


def test_a_hotel_that_begins_to_fail_a_day_later_is_an_incident_of_its_own() -> None:
    story = Story()
    story.tell(fails=["a|1"])
    assert story.tell(fails=["b|1"], later=timedelta(hours=23)) == []
    assert story.tell(fails=["c|1"], later=timedelta(hours=2)) == [OPENED]
    assert story.tell(fails=["a|2", "b|2", "c|2"], later=timedelta(days=9)) == []
    assert story.failing == [{"a|1", "a|2", "b|1", "b|2"}, {"c|1", "c|2"}]
    assert story.tell(passes=["c|1", "c|2"]) == [RESOLVED]


def test_checks_tables_and_kinds_are_apart() -> None:
    story = Story()
    story.tell(fails=[""])
    other = Subject(Kind.CHECK, "changes/payments", "required_present")
    assert story.tell(fails=[""], subject=other) == [OPENED]
    assert story.tell(fails=[""], subject=RUNS) == [OPENED]
    assert story.tell(passes=[""], subject=other) == [RESOLVED]
    assert len(story.failing) == 2


def test_what_grows_graver_is_told_again_and_over_once() -> None:
    story = Story()
    assert story.tell(fails=["a|1"], urgency=Urgency.WARNING) == [OPENED]
    assert story.tell(fails=["a|1"]) == [OPENED]
    assert story.tell(passes=["a|1"]) == [RESOLVED]
    assert story.changes[-1].incident.urgency is Urgency.FAILURE
    assert story.failing == []


def test_what_becomes_a_warning_is_no_failure_any_more() -> None:
    story = Story()
    story.tell(fails=["a|1"])
    assert story.tell(fails=["a|1"], urgency=Urgency.WARNING) == [RESOLVED, OPENED]


def test_a_fact_about_all_lets_pass_whom_it_does_not_name_but_no_partition() -> None:
    story = Story()
    story.tell(fails=["north", "south", "north|2025-03-01"])
    assert story.tell(fails=["south", "east"], tells_all=True) == []
    assert story.failing == [{"south", "east", "north|2025-03-01"}]
    assert story.tell(tells_all=True) == []
    assert story.tell(passes=["north|2025-03-01"]) == [RESOLVED]


def test_lateness_that_moves_from_one_hotel_to_another_is_not_over_in_between() -> None:
    story = Story()
    story.tell(fails=["north"], tells_all=True)
    assert story.tell(fails=["south"], tells_all=True) == []


def test_a_pass_that_is_older_than_the_failure_counts_for_nothing() -> None:
    story = Story()
    story.tell(fails=["a|1"])
    late = Fact(KEY_UNIQUE, 0, story.at, passes=(PartKey("a", "1"),))
    assert story.book.apply(late) == []
    assert story.failing == [{"a|1"}]


def test_a_summary_without_numbers_keeps_those_of_the_verdicts() -> None:
    story = Story()
    story.tell(fails=[Part(PartKey("a", "1"), "duplicate_keys 3", 3.0)])
    story.tell(fails=["a|1"])
    (incident,) = story.book
    assert incident.parts[PartKey("a", "1")] == Part(PartKey("a", "1"), "duplicate_keys 3", 3.0, event=2)


def test_an_incident_is_told_when_its_run_has_ended_with_all_it_found() -> None:
    book = Book()
    for event in range(1, 41):
        fact = Fact(KEY_UNIQUE, event, NOW, "run-1", fails=(Part(PartKey("a", f"{event}")),))
        assert book.apply(fact) == []
        assert book.announce(NOW, lambda run: run == "run-1") == []
    (change,) = book.announce(NOW, lambda run: False)
    assert len(change.incident.parts) == 40


def test_an_incident_of_a_long_run_is_told_before_the_run_has_ended() -> None:
    book = Book()
    book.apply(Fact(KEY_UNIQUE, 1, NOW, "run-1", fails=(Part(PartKey("a", "1")),)))
    assert book.announce(NOW + HOLD_FOR - timedelta(seconds=1), lambda run: True) == []
    assert len(book.announce(NOW + HOLD_FOR, lambda run: True)) == 1


def test_what_is_over_before_it_was_told_is_told_in_the_right_order() -> None:
    book = Book()
    book.apply(Fact(KEY_UNIQUE, 1, NOW, "run-1", fails=(Part(PartKey("a", "1"), "rows 5"),)))
    told = book.apply(Fact(KEY_UNIQUE, 2, NOW, "run-1", passes=(PartKey("a", "1"),)))
    assert [one.kind for one in told] == [OPENED, RESOLVED]
    assert told[0].incident.parts[PartKey("a", "1")].numbers == "rows 5"


SUBJECTS = (KEY_UNIQUE, RUNS, Subject(Kind.FRESHNESS, "changes/payments"))
KEYS = tuple(map(key_of, ("", "a|1", "a|2", "b|1", "c")))
some_keys = st.lists(st.sampled_from(KEYS), max_size=3, unique=True)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Any sequence: subjects, parts, urgencies and pauses as they come."""
    at, made = NOW, []
    for event in range(1, draw(st.integers(1, 12)) + 1):
        at += timedelta(minutes=draw(st.sampled_from([0, 1, 90, 2000])))
        failing = draw(some_keys)
        made.append(
            Fact(
                draw(st.sampled_from(SUBJECTS)),
                event,
                at,
                draw(st.sampled_from(["", "going", "ended"])),
                draw(st.sampled_from(list(Urgency))),
                tuple(Part(key) for key in failing),
                tuple(key for key in draw(some_keys) if key not in failing),
                draw(st.booleans()),
            )
        )
    return made


def modelled(told: list[Fact]) -> dict[tuple[Subject, PartKey], Urgency]:
    """What fails after these facts, and how gravely: written without any incident."""
    failing: dict[tuple[Subject, PartKey], Urgency] = {}
    for fact in told:
        for part in fact.fails:
            failing[fact.subject, part.key] = fact.urgency
        named = {part.key for part in fact.fails}
        for subject, key in list(failing):
            over = key in fact.passes or (fact.tells_all and key not in named and not key.window)
            if subject == fact.subject and over:
                del failing[subject, key]
    return failing


def is_going(run: str) -> bool:
    return run == "going"


@settings(max_examples=60, deadline=None)
@given(facts())
def test_after_any_facts_every_failing_part_is_in_one_incident_and_nothing_else_is(told: list[Fact]) -> None:
    book = Book()
    for number, fact in enumerate(told, 1):
        book.apply(fact)
        book.announce(fact.at, is_going)
        found = [((one.subject, key), one.urgency) for one in book for key in one.parts]
        assert len(dict(found)) == len(found)
        assert dict(found) == modelled(told[:number])


@settings(max_examples=60, deadline=None)
@given(facts())
def test_after_any_facts_every_incident_is_told_once_and_its_end_once_and_later(told: list[Fact]) -> None:
    book, changes = Book(), list[Change]()
    for fact in told:
        changes += book.apply(fact) + book.announce(fact.at, is_going)
    changes += book.announce(told[-1].at + HOLD_FOR, is_going)
    opened = [one.incident.id for one in changes if one.kind is OPENED]
    resolved = [one.incident.id for one in changes if one.kind is RESOLVED]
    assert len(set(opened)) == len(opened)
    assert len(set(resolved)) == len(resolved)
    assert set(resolved) <= set(opened)
    for incident in resolved:
        order = [one.kind for one in changes if one.incident.id == incident]
        assert order == [OPENED, RESOLVED]
    still = {one.id for one in book}
    assert still == {one for one in opened if one not in resolved} - grown_graver(changes, still)
    assert all(one.parts for one in book)
    assert all(one.incident.parts for one in changes if one.kind is OPENED)


def grown_graver(changes: list[Change], still: set[str]) -> set[str]:
    """Warnings that failures took over: they end without a word. Only warnings may."""
    resolved = {one.incident.id for one in changes if one.kind is RESOLVED}
    gone = {
        one.incident.id: one.incident.urgency for one in changes if one.incident.id not in resolved | still
    }
    assert set(gone.values()) <= {Urgency.WARNING}
    return set(gone)


@settings(max_examples=40, deadline=None)
@given(facts(), st.data())
def test_a_restart_after_any_fact_changes_nothing_that_is_told(told: list[Fact], data: st.DataObject) -> None:
    restarts = data.draw(st.sets(st.integers(0, len(told))))

    def story(at: set[int]) -> list[tuple[ChangeKind, str]]:
        state, said = State(Feed(NOW)), list[tuple[ChangeKind, str]]()
        for number, fact in enumerate(told):
            if number in at:
                state = decode(encode(state))
            new = state.book.apply(fact) + state.book.announce(fact.at, is_going)
            said += [(one.kind, one.incident.id) for one in new]
        return said

    assert story(restarts) == story(set())
