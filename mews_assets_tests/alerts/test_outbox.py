"""The outbox: few messages an hour whatever comes, none lost, each target served apart from the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.alerts.outbox import (
    DIGEST_EVERY,
    DIGEST_LINES,
    FIRST_BACKOFF,
    LONGEST_BACKOFF,
    PATIENCE,
    SINGLES_PER_HOUR,
    STUBBORN_TRIES,
    Message,
    Notice,
    Outbox,
    Tone,
    digest_of,
)

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
MOST_PER_HOUR = 20


def notice(number: int, tone: Tone = Tone.FAILURE) -> Notice:
    return Notice(f"n{number}", tone, f"title {number}.", f"body {number}")


def with_messages(count: int) -> Outbox:
    outbox = Outbox([notice(number) for number in range(count)])
    outbox.fold(NOW)
    return outbox


def test_few_notices_are_messages_of_their_own_in_their_order() -> None:
    outbox = with_messages(3)
    assert [(one.id, one.title, one.body) for one in outbox.messages] == [
        (f"n{number}", f"title {number}.", f"body {number}") for number in range(3)
    ]
    assert outbox.waiting == []


def test_many_at_once_are_some_messages_and_a_digest_of_the_rest() -> None:
    outbox = with_messages(SINGLES_PER_HOUR + 24)
    assert len(outbox.messages) == SINGLES_PER_HOUR + 1
    digest = outbox.messages[-1]
    assert digest.title == "24 alerts in one: 24 failure"
    assert all(f"title {number}." in digest.body for number in range(SINGLES_PER_HOUR, SINGLES_PER_HOUR + 24))
    assert outbox.waiting == []


def test_what_comes_after_a_digest_waits_for_the_next_one() -> None:
    outbox = with_messages(SINGLES_PER_HOUR + 2)
    outbox.waiting = [notice(101), notice(102)]
    outbox.fold(NOW + DIGEST_EVERY - timedelta(seconds=1))
    assert len(outbox.waiting) == 2
    outbox.fold(NOW + DIGEST_EVERY)
    assert outbox.waiting == []
    assert outbox.messages[-1].title == "2 alerts in one: 2 failure"


def test_a_single_one_left_over_reads_like_any_other() -> None:
    outbox = with_messages(SINGLES_PER_HOUR + 1)
    last = outbox.messages[-1]
    assert (last.title, last.body, last.is_digest) == (
        f"title {SINGLES_PER_HOUR}.",
        f"body {SINGLES_PER_HOUR}",
        True,
    )


def alike(number: int, trouble: str, tone: Tone = Tone.FAILURE) -> Notice:
    return Notice(f"n{number}", tone, f"title {number}.", f"first {number}\nsecond", trouble)


def test_the_same_trouble_in_many_tables_at_once_is_one_message() -> None:
    outbox = Outbox([alike(number, "FAILED fresh_per_scope") for number in range(12)])
    outbox.waiting.insert(3, alike(20, "FAILED key_unique"))
    outbox.fold(NOW)
    assert [one.title for one in outbox.messages] == ["FAILED fresh_per_scope: 12 tables", "title 20."]
    assert outbox.messages[0].body.splitlines()[:2] == ["- title 0.", "  first 0"]
    assert outbox.messages[0].body.count("- title") == 12


def test_two_tables_with_the_same_trouble_are_two_messages() -> None:
    outbox = Outbox([alike(number, "FAILED key_unique") for number in range(2)])
    outbox.fold(NOW)
    assert len(outbox.messages) == 2


def test_an_end_stands_behind_its_beginning_also_in_bundles() -> None:
    ends = [alike(number, "RESOLVED x", Tone.SUCCESS) for number in (1, 2, 3)]
    begins = [alike(number, "FAILED x") for number in (11, 12, 13)]
    outbox = Outbox([ends[0], *begins, *ends[1:]])
    outbox.fold(NOW)
    assert [one.title for one in outbox.messages] == ["FAILED x: 3 tables", "RESOLVED x: 3 tables"]


def test_after_an_hour_there_is_room_again() -> None:
    outbox = with_messages(SINGLES_PER_HOUR)
    outbox.waiting = [notice(101)]
    outbox.fold(NOW + timedelta(hours=1))
    assert not outbox.messages[-1].is_digest


def test_a_digest_names_the_gravest_first_and_is_as_urgent_as_it() -> None:
    tones = [Tone.SUCCESS, Tone.WARNING, Tone.FAILURE, Tone.WARNING]
    digest = digest_of([notice(number, tone) for number, tone in enumerate(tones)], NOW)
    assert digest.tone is Tone.FAILURE
    assert digest.title == "4 alerts in one: 1 failure, 2 warning, 1 resolved"
    assert [line for line in digest.body.splitlines() if line.startswith("-")] == [
        f"- title {number}." for number in (2, 1, 3, 0)
    ]


def test_a_long_digest_counts_what_it_does_not_name() -> None:
    digest = digest_of([notice(number) for number in range(DIGEST_LINES + 7)], NOW)
    assert digest.body.count("\n- ") == DIGEST_LINES
    assert "and 7 more" in digest.body


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), min_size=1, max_size=40))
def test_whatever_comes_no_hour_has_more_than_twenty_messages_and_nothing_is_lost_or_late(
    arrivals: list[tuple[int, int]],
) -> None:
    """Looked at every minute; `arrivals` are notices that come, and the minutes until the next come."""
    outbox, now, came = Outbox(), NOW, 0
    since: dict[str, datetime] = {}
    for count, minutes in [*arrivals, (0, 20)]:
        for number in range(came, came + count):
            outbox.waiting.append(notice(number))
            since[f"n{number}"] = now
        came += count
        for _ in range(minutes):
            outbox.fold(now)
            assert all(now - since[one.id] <= DIGEST_EVERY for one in outbox.waiting)
            now += timedelta(minutes=1)
    assert outbox.waiting == []
    made = [one.made_at for one in outbox.messages]
    for at in made:
        assert sum(at <= other < at + timedelta(hours=1) for other in made) <= MOST_PER_HOUR
    singles = [one.id for one in outbox.messages if " alerts in one" not in one.title]
    assert len(set(singles)) == len(singles)
    folded = sum(int(one.title.split()[0]) for one in outbox.messages if " alerts in one" in one.title)
    assert len(singles) + folded == came


def serve(outbox: Outbox, target: str, now: datetime, targets: tuple[str, ...], *, takes: bool) -> Message:
    message = outbox.next_for(target, now)
    assert message is not None
    outbox.trying(message, target)
    if takes:
        outbox.arrived(message, target, targets)
    else:
        outbox.failed(message, target, now)
    return message


def test_every_target_gets_every_message_once_and_then_it_is_forgotten() -> None:
    outbox, both = with_messages(2), ("1:slack", "2:json")
    assert [serve(outbox, "1:slack", NOW, both, takes=True).id for _ in range(2)] == ["n0", "n1"]
    assert outbox.next_for("1:slack", NOW) is None
    assert len(outbox.messages) == 2
    assert [serve(outbox, "2:json", NOW, both, takes=True).id for _ in range(2)] == ["n0", "n1"]
    assert outbox.messages == []


def test_a_target_that_fails_is_tried_again_after_growing_pauses_and_others_are_not_kept_waiting() -> None:
    outbox, both, now = with_messages(1), ("1:slack", "2:json"), NOW
    for failures in range(1, 10):
        serve(outbox, "1:slack", now, both, takes=False)
        pause = min(FIRST_BACKOFF * 2 ** (failures - 1), LONGEST_BACKOFF)
        assert outbox.next_for("1:slack", now + pause - timedelta(seconds=1)) is None
        now += pause
    assert serve(outbox, "2:json", NOW, both, takes=True).id == "n0"
    assert serve(outbox, "1:slack", now, both, takes=True).id == "n0"
    assert (outbox.messages, outbox.pauses) == ([], {})


def test_one_message_that_a_target_never_takes_stands_in_the_way_of_no_other() -> None:
    outbox, now = with_messages(2), NOW
    for _ in range(STUBBORN_TRIES):
        assert serve(outbox, "1:slack", now, ("1:slack",), takes=False).id == "n0"
        now += LONGEST_BACKOFF
    assert serve(outbox, "1:slack", now, ("1:slack",), takes=True).id == "n1"
    assert serve(outbox, "1:slack", now, ("1:slack",), takes=False).id == "n0"


def test_a_try_that_was_cut_short_is_known_and_one_that_failed_is_not_taken_for_it() -> None:
    outbox = with_messages(1)
    (message,) = outbox.messages
    assert outbox.trying(message, "1:slack") is False
    assert outbox.trying(message, "1:slack") is True
    outbox.failed(message, "1:slack", NOW)
    assert outbox.trying(message, "1:slack") is False


def test_what_cannot_be_delivered_for_a_week_is_dropped_and_named() -> None:
    outbox = with_messages(1)
    assert outbox.drop_old(NOW + PATIENCE, ["1:slack"]) == []
    (dropped,) = outbox.drop_old(NOW + PATIENCE + timedelta(seconds=1), ["1:slack"])
    assert (dropped.id, outbox.messages) == ("n0", [])


def test_a_target_taken_out_of_the_settings_is_not_waited_for() -> None:
    outbox, both = with_messages(1), ("1:slack", "2:json")
    serve(outbox, "1:slack", NOW, both, takes=True)
    serve(outbox, "2:json", NOW, both, takes=False)
    assert outbox.drop_old(NOW, ["1:slack"]) == []
    assert (outbox.messages, outbox.pauses) == ([], {})
