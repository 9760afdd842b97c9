"""What messages say, word for word where it matters, and what they never say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mews_assets.alerts.incidents import Book, Fact, Kind, Part, PartKey, Subject, Urgency
from mews_assets.alerts.outbox import Notice, Tone
from mews_assets.alerts.wording import LONGEST_CAUSE, AlertContext, notice_of, without_values

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
NAMES = {"n": "The Lantern Prague", "s": "Hôtel\ndu Sud"}
PLACES = AlertContext(lambda asset, scope: NAMES.get(scope, scope), ui="https://dagster.example.com")
CHECK = Subject(Kind.CHECK, "changes/payments", "key_unique")


def told(*facts: Fact, places: AlertContext = PLACES) -> list[Notice]:
    book, changes = Book(), []
    for fact in facts:
        changes += book.apply(fact) + book.announce(fact.at, lambda run: False)
    return [notice_of(one, places) for one in changes]


def test_a_failing_check_names_the_worst_hotels_with_numbers_and_links() -> None:
    parts = [Part(PartKey("n", f"2025-03-{day:02}"), f"duplicate_keys {day}", day) for day in range(1, 10)]
    parts.append(Part(PartKey("s", "2025-03-01"), "duplicate_keys 70", 70))
    (notice,) = told(Fact(CHECK, 1, NOW, "run-1", fails=tuple(parts)))
    assert notice.tone is Tone.FAILURE
    assert notice.title == "FAILED payments: key_unique fails on 10 partitions of 2 hotels"
    assert notice.body.splitlines()[:-1] == [
        "The worst of them:",
        "- Hôtel du Sud, 2025-03-01: duplicate_keys 70",
        "- The Lantern Prague, 2025-03-09: duplicate_keys 9",
        "- The Lantern Prague, 2025-03-08: duplicate_keys 8",
        "- The Lantern Prague, 2025-03-07: duplicate_keys 7",
        "- The Lantern Prague, 2025-03-06: duplicate_keys 6",
        "and 5 more",
        "Since: 2025-03-10 12:00 UTC",
        "Run: https://dagster.example.com/runs/run-1",
        "Table: https://dagster.example.com/assets/changes/payments?view=checks",
    ]
    assert notice.body.splitlines()[-1] == f"Incident: {notice.id.removesuffix('-opened')}"


def test_a_warning_is_less_urgent() -> None:
    (notice,) = told(Fact(CHECK, 1, NOW, "run-1", Urgency.WARNING, (Part(PartKey("n", "2025-03-01")),)))
    assert notice.tone is Tone.WARNING
    assert notice.title == "WARNING payments: key_unique fails on 1 partition of 1 hotel"


def test_the_end_says_how_long_it_lasted_and_whom_it_concerned() -> None:
    later = NOW + timedelta(hours=3)
    opened, resolved = told(
        Fact(
            CHECK, 1, NOW, "run-1", fails=(Part(PartKey("n", "2025-03-01")), Part(PartKey("s", "2025-03-01")))
        ),
        Fact(CHECK, 2, later, "run-2", passes=(PartKey("n", "2025-03-01"), PartKey("s", "2025-03-01"))),
    )
    assert resolved.tone is Tone.SUCCESS
    assert resolved.title == "RESOLVED payments: key_unique passes again"
    assert resolved.body.splitlines()[:3] == [
        "Lasted: 3.0 h, since 2025-03-10 12:00 UTC, on 2 at once at most",
        "Concerned: Hôtel du Sud, The Lantern Prague",
        "Run: https://dagster.example.com/runs/run-2",
    ]
    assert opened.id.removesuffix("-opened") == resolved.id.removesuffix("-resolved")


@pytest.mark.parametrize(
    ("subject", "part", "title"),
    [
        (Subject(Kind.RUN, "payments"), PartKey("n", "2025-03-01"), "a run failed, 1 partition of 1 hotel"),
        (Subject(Kind.RUN, "enterprises"), PartKey(), "a run failed"),
        (
            Subject(Kind.FRESHNESS, "changes/payments"),
            PartKey(),
            "nothing new for longer than its freshness policy",
        ),
        (
            Subject(Kind.GIVEN_UP, "landing/payments"),
            PartKey("n", "a to b"),
            "given up, Mews is not asked again for windows",
        ),
        (
            Subject(Kind.CHECK, "changes/payments", "fresh_per_scope"),
            PartKey("n"),
            "fresh_per_scope fails on 1 hotel",
        ),
        (Subject(Kind.CHECK, "marts/revenue", "adds_up"), PartKey(), "adds_up fails"),
    ],
)
def test_every_kind_has_its_words(subject: Subject, part: PartKey, title: str) -> None:
    opened, resolved = told(
        Fact(subject, 1, NOW, "run-1", fails=(Part(part),), cause="it broke"),
        Fact(subject, 2, NOW, passes=(part,)),
    )
    assert title in opened.title
    assert "Cause: it broke" in opened.body
    assert resolved.title.startswith(f"RESOLVED {subject.asset.rpartition('/')[2]}: ")


def test_a_chain_is_called_one() -> None:
    places = AlertContext(lambda asset, scope: scope, lambda asset: "chain")
    (notice,) = told(
        Fact(CHECK, 1, NOW, fails=(Part(PartKey("n", "1")), Part(PartKey("s", "1")))), places=places
    )
    assert notice.title.endswith("fails on 2 partitions of 2 chains")


def test_without_a_ui_the_run_is_named_and_no_link_is_made_up() -> None:
    places = AlertContext(lambda asset, scope: scope)
    (notice,) = told(Fact(CHECK, 1, NOW, "run-1", fails=(Part(PartKey("n", "2025-03-01")),)), places=places)
    assert "Run: run-1\nTable: changes/payments\n" in notice.body
    assert "http" not in notice.body


def test_an_incident_that_no_run_found_has_no_link_to_one() -> None:
    (notice,) = told(Fact(CHECK, 1, NOW, fails=(Part(PartKey(), "rows 5"),)))
    assert "Run:" not in notice.body
    assert "Numbers: rows 5" in notice.body


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (
            'customers: part-00001, line 7, field Email: string "anna.smith@example.com" where a number must stand.',
            "customers: part-00001, line 7, field Email: string (value) where a number must stand.",
        ),
        ('field Name: string "Anna \\"A.\\" Smi... where', "field Name: string (value)"),
        ("field Phone: number 420777123456 where a string", "field Phone: number (value) where a string"),
        (
            'field Address: object {"City": "Prague", "Zip": 11000} where a list must stand',
            "field Address: object (value) where a list must stand",
        ),
        ("no such guest: anna.smith@example.com.", "no such guest: (address)"),
        ("ValueError('Anna Smith')", "ValueError((value))"),
        (
            "Mews' exports/add (connection north, status 403, request id ab12): the hotel's rights end here.",
            "Mews' exports/add (connection north, status 403, request id ab12): the hotel's rights end here.",
        ),
    ],
)
def test_a_cause_is_told_without_the_values_it_quotes(cause: str, said: str) -> None:
    assert without_values(cause) == said


def test_a_long_cause_is_cut() -> None:
    assert len(without_values("word " * 1000)) == LONGEST_CAUSE


@pytest.mark.parametrize(
    ("kind", "urgency", "cause", "step"),
    [
        (
            Kind.RUN,
            Urgency.FAILURE,
            "it broke",
            "remove the cause, then in the UI *Backfill -> Re-execute from failure*",
        ),
        (Kind.RUN, Urgency.WARNING, "it broke", "nothing yet, it is tried again by itself"),
        (
            Kind.RUN,
            Urgency.FAILURE,
            "exports/add: ConnectError: [Errno 111] Connection refused",
            "check whether MEWS_PLATFORM_ADDRESS is right",
        ),
        (
            Kind.RUN,
            Urgency.FAILURE,
            "payments: part-00001.jsonl.zst of capture c1 was changed or cut on disk: it ends early",
            "restore the file on our own disk from a copy (Mews is not at fault)",
        ),
        (Kind.GIVEN_UP, Urgency.FAILURE, "it failed at Mews", "remove the cause, then launch a backfill"),
    ],
)
def test_a_failure_says_what_to_do_next(kind: Kind, urgency: Urgency, cause: str, step: str) -> None:
    part = Part(PartKey("n", "2025-03-01"))
    notices = told(Fact(Subject(kind, "changes/payments"), 1, NOW, "run-1", urgency, (part,), cause=cause))
    (line,) = [line for line in notices[0].body.splitlines() if line.startswith("Next: ")]
    assert line.startswith(f"Next: {step}")
    assert "- The Lantern Prague, 2025-03-01" in notices[0].body
