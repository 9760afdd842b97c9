"""Ledger entries against balances, as a function over plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from mews_assets.defs.checks.reconciliation.ledger import Balance, Place, compare_ledger
from mews_assets.defs.checks.reconciliation.moments import Stood

T = datetime(2026, 4, 10, 4, 45, tzinfo=UTC)
LATER = T + timedelta(days=1)
DAYS = [date(2026, 4, day) for day in range(1, 6)]


def place(day: date, ledger: str = "Guest") -> Place:
    return Place("north", day, ledger)


def balances(*moved: str, sign: int = 1, ledger: str = "Guest") -> list[Balance]:
    """Balances of consecutive days, each of which moved by so much."""
    found, opening = [], Decimal(100)
    for day, text in zip(DAYS, moved, strict=False):
        closing = opening + sign * Decimal(text)
        found.append(Balance(place(day, ledger), opening, closing, Stood(T, LATER)))
        opening = closing
    return found


def test_entries_that_make_the_closing_balance_agree() -> None:
    moves = {place(DAYS[0]): Decimal("5.10"), place(DAYS[1]): Decimal("-7")}
    known = {place(day): LATER for day in DAYS}
    found = compare_ledger(balances("5.1", "-7", "0"), moves, known)
    assert (found.agree, found.differ, found.not_yet) == (3, (), 0)


def test_a_lost_entry_is_named_with_its_day_ledger_and_value() -> None:
    moves = {place(DAYS[0]): Decimal("5.10"), place(DAYS[1]): Decimal("-4")}
    (lost,) = compare_ledger(balances("5.1", "-7"), moves, {place(day): LATER for day in DAYS}).differ
    assert (lost.where, lost.by) == (place(DAYS[1]), Decimal("-3.0000"))
    assert (lost.mews, lost.lake) == (Decimal("98.1"), Decimal("101.1"))


def test_a_ledger_whose_credits_raise_its_balance_agrees_too() -> None:
    moves = {place(day, "Revenue"): Decimal(-10) for day in DAYS[:3]}
    known = {place(day, "Revenue"): LATER for day in DAYS}
    found = compare_ledger(balances("-10", "-10", "-9", sign=-1, ledger="Revenue"), moves, known)
    assert found.agree == 2
    assert [one.where.day for one in found.differ] == [DAYS[2]]


def test_a_balance_that_was_first_asked_for_after_its_entries_were_captured_is_not_compared_yet() -> None:
    known = {place(DAYS[0]): T - timedelta(seconds=1), place(DAYS[1]): None}
    found = compare_ledger(balances("5", "5"), {}, known)
    assert (found.agree, found.differ, found.not_yet) == (0, (), 2)
    assert compare_ledger(balances("5"), {place(DAYS[0]): Decimal(5)}, known).agree == 1


def test_noise_below_every_currency_is_no_difference() -> None:
    moves = {place(DAYS[0]): Decimal("0.3")}
    found = compare_ledger(balances("0.30000000000000004"), moves, {place(DAYS[0]): LATER})
    assert found.agree == 1
