"""The state: read back as it was, refused when it is none, and a place in the event log that loses no event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.alerts import state as states
from mews_assets.alerts.incidents import Book, Fact, Kind, Part, PartKey, Subject
from mews_assets.alerts.outbox import Notice, Outbox, Tone
from mews_assets.alerts.state import LOOK_BACK, MAX_SEEN, Feed, State
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)


def full() -> State:
    """Something in every place."""
    book = Book()
    subject = Subject(Kind.CHECK, "changes/payments", "key_unique")
    book.apply(
        Fact(
            subject,
            5,
            NOW,
            "run",
            fails=(Part(PartKey("a", "1"), "duplicate_keys 2", 2.0), Part(PartKey("b", "1"))),
        )
    )
    outbox = Outbox([Notice(f"n{number}", Tone.WARNING, "title", "body") for number in range(40)])
    outbox.fold(NOW)
    outbox.waiting.append(Notice("later", Tone.SUCCESS, "title", "body"))
    message = outbox.messages[0]
    outbox.trying(message, "1:slack")
    outbox.failed(message, "1:slack", NOW)
    outbox.trying(message, "2:json")
    outbox.arrived(message, "2:json", ["1:slack", "2:json"])
    outbox.trying(outbox.messages[1], "2:json")
    return State(Feed(NOW, 3, 9, {5, 9}), book, outbox)


def test_before_the_first_look_the_last_day_is_what_counts(lake: Lake) -> None:
    assert states.load(lake, "an-instance", NOW).feed == Feed(NOW - LOOK_BACK)


def test_a_state_is_read_back_as_it_was(lake: Lake) -> None:
    state = full()
    states.save(lake, "an-instance", state)
    found = states.load(lake, "an-instance", NOW + timedelta(days=1))
    assert states.encode(found) == states.encode(state)
    assert (found.feed, found.outbox) == (state.feed, state.outbox)
    assert list(found.book) == list(state.book)


BEFORE = b"""{
 "format": 1,
 "feed": {"since": "2025-03-10T12:00:00+00:00", "after": 3, "newest": 9, "seen": [5, 9]},
 "incidents": [{"id": "ab12", "subject": {"kind": "check", "asset": "changes/payments", "name": "key_unique"},
  "urgency": "failure", "opened_at": "2025-03-10T12:00:00+00:00", "run": "run", "cause": "",
  "parts": [{"key": "a|2025-03-09", "numbers": "rows 2", "weight": 2.0, "event": 5},
   {"key": "b", "numbers": "", "weight": 0.0, "event": 5}, {"key": "", "numbers": "", "weight": 0.0, "event": 5}],
  "scopes": ["", "a", "b"], "most": 3, "is_announced": true}],
 "waiting": [{"id": "n", "tone": "warning", "title": "t", "body": "b", "alike": ""}],
 "messages": [{"id": "m", "tone": "failure", "title": "t", "body": "b", "made_at": "2025-03-10T12:00:00+00:00",
  "is_digest": false, "tries": {"1:slack": 1}, "delivered": [], "begun": ["1:slack"]}],
 "made": [["2025-03-10T12:00:00+00:00", false]],
 "pauses": {"1:slack": {"failures": 1, "until": "2025-03-10T12:00:30+00:00"}}
}"""


def test_a_state_that_an_earlier_version_saved_is_read(lake: Lake) -> None:
    lake.write(layout.alerts_file("an-instance"), BEFORE)
    state = states.load(lake, "an-instance", NOW)
    (incident,) = state.book
    assert list(incident.parts) == [PartKey("a", "2025-03-09"), PartKey("b"), PartKey()]
    assert incident.parts[PartKey("a", "2025-03-09")].numbers == "rows 2"
    assert (state.feed.seen, incident.scopes) == ({5, 9}, {"", "a", "b"})
    assert state.outbox.pauses["1:slack"].until == NOW + timedelta(seconds=30)
    assert state.outbox.made == [(NOW, False)]


def test_another_dagster_instance_begins_anew_over_the_same_lake(lake: Lake) -> None:
    states.save(lake, "an-instance", full())
    assert states.load(lake, "another", NOW).feed.after == 0


@pytest.mark.parametrize("content", [b"{}", b'{"format": 9}', b"[]", b"{"])
def test_what_is_no_state_is_refused_with_what_to_do(lake: Lake, content: bytes) -> None:
    lake.write(layout.alerts_file("an-instance"), content)
    with pytest.raises(LakeError, match=r"state/alerts/an-instance\.json .* move it away|Move it away"):
        states.load(lake, "an-instance", NOW)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), max_size=60))
def test_an_event_that_shows_up_after_later_ones_is_taken_in_and_each_once(
    writes: list[tuple[int, int]],
) -> None:
    """Events get their numbers in turn; each is visible at once, or only at one of the next two looks."""
    feed, taken = Feed(NOW), list[int]()
    visible_at = {number: look + delay for number, (look, delay) in enumerate(_looks(writes), 1)}
    for look in range(len(writes) + 4):
        seen = [number for number, at in visible_at.items() if at <= look and number > feed.after]
        new = [number for number in seen if feed.is_new(number)]
        taken += new
        feed.took(new)
    assert sorted(taken) == sorted(visible_at)


def _looks(writes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At which look each event is written: now or one later. What is late is late by one look at most."""
    look, found = 0, []
    for step, late in writes:
        look += step
        found.append((look, min(late, 1)))
    return found


def test_after_many_events_only_the_newest_are_remembered_one_by_one() -> None:
    feed = Feed(NOW)
    feed.took(range(1, 10 * MAX_SEEN + 1))
    assert len(feed.seen) == MAX_SEEN
    assert not any(feed.is_new(number) for number in (1, MAX_SEEN, 10 * MAX_SEEN))
    feed.took([])
    assert feed == replace(feed, after=10 * MAX_SEEN, newest=10 * MAX_SEEN, seen=set())
