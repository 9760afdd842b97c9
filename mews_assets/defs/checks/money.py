"""Checks of money: amounts add up, books balance, signs and currencies are possible.

Lives here: judging. Not here: adding up (`lake.quality.rules`, `lake.quality.double_entry`).
"""

from __future__ import annotations

import dagster as dg

from mews_assets.catalog.fields import amounts, currencies
from mews_assets.catalog.model import Table
from mews_assets.defs.checks.model import Check, Evidence, Verdict, counted
from mews_assets.lake.quality.rules import AMOUNTS, BALANCE, CURRENCIES, SIGNS


def _amounts_add_up(evidence: Evidence) -> Verdict:
    by_place, rows = counted(evidence.broken(AMOUNTS))
    numbers = {"rows": evidence.measures.rows, "amounts_off": rows, "by_column": by_place}
    return Verdict(not rows, numbers, rows, evidence.worst(AMOUNTS))


def _ledger_balances(evidence: Evidence) -> Verdict:
    _, transactions = counted(evidence.broken(BALANCE))
    numbers = {"rows": evidence.measures.rows, "transactions_off": transactions}
    return Verdict(not transactions, numbers, transactions, evidence.worst(BALANCE))


def _money_signs(evidence: Evidence) -> Verdict:
    by_place, rows = counted(evidence.broken(SIGNS))
    numbers = {"rows": evidence.measures.rows, "signs_wrong": rows, "by_column": by_place}
    return Verdict(not rows, numbers, rows, evidence.worst(SIGNS))


def _currencies_known(evidence: Evidence) -> Verdict:
    unknown = {violation.at: dict(violation.values) for violation in evidence.broken(CURRENCIES)}
    _, rows = counted(evidence.broken(CURRENCIES))
    worst = tuple(
        {"column": at, "currency": code, "rows": count}
        for at, codes in unknown.items()
        for code, count in codes.items()
    )
    numbers = {"rows": evidence.measures.rows, "amounts_in_unknown_money": rows, "unknown": unknown}
    return Verdict(not rows, numbers, rows, worst[:10])


def _has_signs(table: Table) -> bool:
    return bool(table.signs or amounts(table))


MONEY_CHECKS = (
    Check(
        "amounts_add_up",
        "Gross = net + taxes, and a breakdown's lines sum up to both, within half a unit of the enterprise's tax "
        "precision for each tax. ERROR: revenue with taxes and revenue without would not agree. Not blocking: the "
        "rows at fault are named, and the others are right.",
        dg.AssetCheckSeverity.ERROR,
        _amounts_add_up,
        applies=lambda table: bool(amounts(table)),
    ),
    Check(
        "ledger_balances",
        "Debits equal credits on every posting date and in every transaction, to the last digit. ERROR: a side is "
        "missing or there twice, so every balance is wrong. Blocking: books that do not balance must not be added up.",
        dg.AssetCheckSeverity.ERROR,
        _ledger_balances,
        applies=lambda table: table.balance is not None,
        blocking=True,
    ),
    Check(
        "money_signs",
        "Net and gross have one sign, and where the catalog knows the sign of a value (rebates, refunds, postings), it "
        "has that. ERROR: a sum would add where it should subtract.",
        dg.AssetCheckSeverity.ERROR,
        _money_signs,
        applies=_has_signs,
    ),
    Check(
        "currencies_known",
        "Every currency is one of ISO 4217. WARN: the amounts are right in themselves, but no rate converts them.",
        dg.AssetCheckSeverity.WARN,
        _currencies_known,
        applies=lambda table: bool(currencies(table)),
    ),
)
