"""What a sensor says: what it does for its users, what is under way and since when, and when the next window settles.

Lives here: sentences over plain values. Not here: what is due (`ingest.due`) and what becomes of an export
(`ingest.pending_exports`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mews_assets.catalog.model import Table
from mews_assets.defs.base.jobs import DISCOVERY
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.freshness import format_duration
from mews_assets.ingest.pending_exports import PendingExport
from mews_assets.windows import SETTLE, Grain, over_after, to_text, window_at

_SHOWN = 3
_WINDOW = {Grain.HOURLY: "hour", Grain.DAILY: "day", Grain.WEEKLY: "week", Grain.MONTHLY: "month"}


def description(tables: Sequence[Table], grain: Grain, poll_seconds: int, way: str) -> str:
    """What the sensor of some tables does, for the list of sensors; `way` is how it gets the rows."""
    first = tables[0]
    settles = format_duration(over_after(by_day=first.by_day) + SETTLE)
    return (
        f"Fetches {' and '.join(table.name for table in tables)} by itself: every {_WINDOW[grain]} of every "
        f"{first.scope.value} as soon as it has settled, {settles} after its end in UTC, and what is missing since "
        f"MEWS_START_DATE. {way} It looks every {poll_seconds} s; the ticks below say what is under way and since "
        "when, or when the next window settles."
    )


def nothing_discovered(namespace: Namespace) -> str:
    """That no hotel is known, and what finds them."""
    return f"nothing discovered yet: turn on the sensor `{namespace.name(DISCOVERY)}`"


def nothing_due(table: Table, grain: Grain, now: datetime) -> str:
    """That everything settled is there, and when the next window settles."""
    window = window_at(now - over_after(by_day=table.by_day) - SETTLE, grain)
    settles = window.settles(by_day=table.by_day)
    day = "" if settles.date() == now.date() else f"on {settles.day} {settles:%B} "
    return f"nothing is due; {to_text(window)} settles {day}at {settles:%H:%M} UTC"


def under_way(table: Table, pending: Sequence[PendingExport], now: datetime) -> str:
    """The exports that were asked for and have not landed, the oldest first."""
    oldest = sorted((one.export for one in pending), key=lambda export: export.asked_at)
    shown = [
        f"{_counted(len(export.scopes), table.scope.value)}, {to_text(export.window)}, asked for "
        f"{format_duration(now - export.asked_at)} ago"
        for export in oldest[:_SHOWN]
    ]
    more = [f"{len(oldest) - _SHOWN} more"] if len(oldest) > _SHOWN else []
    return f"{_counted(len(oldest), 'export')} under way: {'; '.join([*shown, *more])}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
