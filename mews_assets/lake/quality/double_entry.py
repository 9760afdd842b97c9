"""Double entry: where debits and credits differ, counted exactly, in decimals.

Lives here: one query over files of a ledger table. Not here: which columns hold debits and credits (the catalog).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckdb

from mews_assets.catalog.bookkeeping import Balance
from mews_assets.catalog.model import snake_case
from mews_assets.lake.storage.duckdb_session import identifier, literal

SHOWN = 5
"""Transactions shown for each file that does not balance: those with the largest differences."""


def unbalanced(
    engine: duckdb.DuckDBPyConnection, balance: Balance, source: str
) -> Mapping[int, tuple[int, list[dict[str, Any]]]]:
    """By number of the file: how many transactions do not balance, and those with the largest differences.

    `source` is SQL that reads the files as `row`, joined to the table `measured`. Entries without a transaction are
    added up by day.
    """
    date, transaction, value, side = (f"row.{identifier(snake_case(name))}" for name in balance.columns)
    sums = (
        f"SELECT measured.number AS number, {date} AS date, {transaction} AS transaction, "
        f"coalesce(sum({value}) FILTER ({side} = {literal(balance.debit)}), 0) AS debits, "
        f"coalesce(sum({value}) FILTER ({side} = {literal(balance.credit)}), 0) AS credits "
        f"FROM {source} GROUP BY ALL"
    )
    rows = engine.execute(
        "SELECT number, count(*) OVER (PARTITION BY number), date, transaction, debits, credits "
        f"FROM ({sums}) WHERE debits <> credits QUALIFY row_number() OVER "
        f"(PARTITION BY number ORDER BY abs(debits - credits) DESC, date, transaction) <= {SHOWN}"
    ).fetchall()
    by_number: dict[int, tuple[int, list[dict[str, Any]]]] = {}
    for number, transactions, day, name, debits, credits in rows:
        _, worst = by_number.setdefault(number, (transactions, []))
        worst.append(
            {
                "date": day,
                "transaction": name or "none",
                "debits": _plain(debits),
                "credits": _plain(credits),
                "difference": _plain(debits - credits),
            }
        )
    return by_number


def _plain(value: Decimal) -> str:
    """The number without trailing zeros."""
    return f"{value.normalize():f}"
