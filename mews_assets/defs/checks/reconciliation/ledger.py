"""Ledger entries against ledger balances: opening balance + entries = closing balance, per hotel, ledger and day.

Lives here: the comparison, a pure function, and reading what it compares.

Mews does not say which side raises a balance, so for each ledger of a hotel the sign is taken with which more days
agree. Only entries count that were created while the balance stood and before the newest capture of their day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from mews_assets.catalog.entities.ledger import LEDGER_ENTRIES
from mews_assets.catalog.entities.series.balances import LEDGER_BALANCES
from mews_assets.defs.checks.reconciliation.moments import Compared, Difference, Stood
from mews_assets.lake.landing.series_rows import month_of, months_there, newest_rows
from mews_assets.lake.quality.ledger_moves import Moves, captured_until, moves_of, window_of_day
from mews_assets.lake.storage.lake import Lake

DAYS = 60
"""Days before the newest month that are compared. Balances of earlier days are not asked for again."""
VISIBLE_AFTER = timedelta(minutes=10)
"""An entry may be created this long before exports show it."""
_DAY = timedelta(days=1)
_PLACES = Decimal("0.0001")
"""Balances are sums of doubles: below the smallest unit of any currency they may be off."""


@dataclass(frozen=True, order=True)
class Place:
    """The place of a balance."""

    scope: str
    day: date
    ledger: str


@dataclass(frozen=True)
class Balance:
    """One balance by Mews, and while it stood."""

    place: Place
    opening: Decimal
    closing: Decimal
    stood: Stood


def compare_ledger(
    balances: Iterable[Balance], moves: Mapping[Place, Decimal], known: Mapping[Place, datetime | None]
) -> Compared[Place]:
    """Each balance against the `moves` of its place, which are debits less credits.

    `known` has the instant until which the entries of a place are known; None where none landed. Where the balance did
    not stand at that instant, it may agree all the same, but a difference does not count.
    """
    by_ledger: dict[tuple[str, str], list[tuple[Balance, Decimal, Decimal]]] = {}
    not_yet = 0
    for balance in balances:
        if known.get(balance.place) is None:
            not_yet += 1
            continue
        moved = moves.get(balance.place, Decimal(0)).quantize(_PLACES)
        rose = (balance.closing - balance.opening).quantize(_PLACES)
        by_ledger.setdefault((balance.place.scope, balance.place.ledger), []).append((balance, rose, moved))
    agree, differ = 0, []
    for rows in by_ledger.values():
        raised = sum(rose == moved for _, rose, moved in rows)
        lowered = sum(rose == -moved for _, rose, moved in rows)
        sign = 1 if raised >= lowered else -1
        for balance, rose, moved in rows:
            if rose == sign * moved:
                agree += 1
            elif balance.stood.with_lake(known[balance.place]) is None:
                not_yet += 1
            else:
                by = rose - sign * moved
                differ.append(
                    Difference(balance.place, "closing balance", balance.closing, balance.closing - by, by)
                )
    return Compared(agree, tuple(differ), not_yet)


def read_and_compare(lake: Lake, scopes: Iterable[str]) -> Compared[Place]:
    """The balances of the last days of these hotels against their entries, hotel by hotel."""
    months = months_there(lake, LEDGER_BALANCES)
    newest = max((month for of_scope in months.values() for month in of_scope), default=None)
    if newest is None:
        return Compared(0, (), 0)
    since = date.fromisoformat(f"{newest}-01") - DAYS * _DAY
    captured = captured_until(lake, LEDGER_ENTRIES, datetime.combine(since, time(), UTC))
    agree, differ, not_yet = 0, list[Difference[Place]](), 0
    for scope in scopes:
        balances = _balances(lake, scope, months.get(scope, ()), since)
        known = {
            balance.place: _known_until(captured.get((scope, window_of_day(lake, balance.place.day))))
            for balance in balances
        }
        # The balances of a day are asked for at once, so they have one instant.
        as_of = {
            balance.place.day: balance.stood.with_lake(at) or balance.stood.last
            for balance in balances
            if (at := known[balance.place]) is not None
        }
        moves = _placed(scope, moves_of(lake, LEDGER_ENTRIES, scope, as_of))
        found = compare_ledger(balances, moves, known)
        agree, not_yet = agree + found.agree, not_yet + found.not_yet
        differ += found.differ
    return Compared(agree, tuple(differ), not_yet)


def _balances(lake: Lake, scope: str, months: Iterable[str], since: date) -> list[Balance]:
    """The newest balances of the days since a day."""
    wanted = [month for month in sorted(months) if month >= month_of(since)]
    return [
        Balance(
            Place(scope, row["date"], row["ledger_type"]),
            _decimal(row["opening_balance"]["gross_value"]),
            _decimal(row["closing_balance"]["gross_value"]),
            Stood(row["_asked_utc"], row["_last_asked_utc"]),
        )
        for row in newest_rows(lake, LEDGER_BALANCES, scope, wanted).to_pylist()
        if row["date"] >= since and row["opening_balance"] and row["closing_balance"]
    ]


def _decimal(value: float | None) -> Decimal:
    return Decimal(repr(value or 0.0))


def _known_until(captured: datetime | None) -> datetime | None:
    return None if captured is None else captured - VISIBLE_AFTER


def _placed(scope: str, moves: Moves) -> dict[Place, Decimal]:
    return {Place(scope, day, ledger): value for (day, ledger), value in moves.items()}
