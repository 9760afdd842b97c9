"""What a sensor says without a click: when the next window settles, and what is under way since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mews_assets import catalog
from mews_assets.defs.sensors.sensor_texts import description, nothing_due, under_way
from mews_assets.ingest.pending_exports import PendingExport
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.windows import Grain, Window

NOW = datetime(2026, 11, 28, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("table", "now", "grain", "text"),
    [
        ("payments", NOW, Grain.DAILY, "28 November 2026 settles on 29 November at 00:05 UTC"),
        (
            "payments",
            datetime(2026, 11, 29, 0, 3, tzinfo=UTC),
            Grain.DAILY,
            "28 November 2026 settles at 00:05 UTC",
        ),
        ("ledger_entries", NOW.replace(hour=9), Grain.DAILY, "27 November 2026 settles at 12:05 UTC"),
        ("payments", NOW, Grain.HOURLY, "2026-11-28 15:00 to 2026-11-28 16:00 UTC settles at 16:05 UTC"),
    ],
)
def test_where_nothing_is_due_it_says_when_the_next_window_settles(
    table: str, now: datetime, grain: Grain, text: str
) -> None:
    assert nothing_due(catalog.table(table), grain, now) == f"nothing is due; {text}"


def test_what_is_under_way_has_its_hotels_days_and_age_the_oldest_first() -> None:
    window = Window(datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))

    def pending(minutes: int, *scopes: str) -> PendingExport:
        asked_at = NOW - timedelta(minutes=minutes)
        return PendingExport(LoggedExport(f"e{minutes}", "default", "payments", scopes, window, asked_at))

    told = under_way(catalog.table("payments"), [pending(3, "a"), pending(12, "a", "b")], NOW)
    assert told == (
        "2 exports under way: 2 enterprises, 10 to 22 November 2026, asked for 12 min ago; "
        "1 enterprise, 10 to 22 November 2026, asked for 3 min ago"
    )
    many = under_way(catalog.table("payments"), [pending(one, "a") for one in range(1, 6)], NOW)
    assert many.startswith("5 exports under way: ") and many.endswith("; 2 more")


def test_a_sensor_describes_what_it_fetches_and_when() -> None:
    told = description([catalog.table("payments")], Grain.DAILY, 60, "It exports.")
    assert told == (
        "Fetches payments by itself: every day of every enterprise as soon as it has settled, 5 min after its end in "
        "UTC, and what is missing since MEWS_START_DATE. It exports. It looks every 60 s; the ticks below say what is "
        "under way and since when, or when the next window settles."
    )
    ledger = description([catalog.table("ledger_entries")], Grain.WEEKLY, 60, "")
    assert "every week of every enterprise as soon as it has settled, 12 h 5 min after its end" in ledger
