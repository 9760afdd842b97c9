"""Pending exports as the tests make them up, one by one and at random."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from mews_assets.api.exports import Next
from mews_assets.ingest.pending_exports import PendingExport, RunState
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.windows import Window

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def window(first: int = 0, last: int = 9) -> Window:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return Window(start + timedelta(days=first), start + timedelta(days=last + 1))


def export(
    name: str = "x", scopes: str = "ab", days: tuple[int, int] = (0, 9), at: datetime = NOW
) -> LoggedExport:
    return LoggedExport(name, "one", "order_items", tuple(scopes), window(*days), at)


def flight(name: str = "x", runs: int = 0, **more: object) -> PendingExport:
    return PendingExport(export(name, **more), runs)  # type: ignore[arg-type]


def flights() -> st.SearchStrategy[list[tuple[PendingExport, RunState, Next | None]]]:
    def made(number: int, runs: int, hours: int, pause: int | None) -> PendingExport:
        again_at = None if pause is None else NOW + pause * MINUTE
        asked = export(str(number), days=(number % 5, 9), at=NOW - timedelta(hours=hours))
        return PendingExport(asked, runs, again_at)

    pauses = st.none() | st.integers(-9, 9)
    one = st.builds(made, st.integers(0, 99), st.integers(0, 4), st.integers(0, 30), pauses)
    states = st.sampled_from([*Next, None])
    lists = st.lists(st.tuples(one, st.sampled_from(RunState), states), max_size=8)
    return lists.map(lambda found: list({entry[0].export.id: entry for entry in found}.values()))
