"""The catalog: WHAT exists, one frozen row per table, and the look-ups.

Read `model` first, then `shapes`, then any family. Adding a table takes one more row in `TABLES`.
Not here: how to ask Mews, where bytes rest, Dagster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mews_assets.catalog.entities.availability import (
    AVAILABILITY_ADJUSTMENTS,
    AVAILABILITY_BLOCKS,
    RESOURCE_BLOCKS,
)
from mews_assets.catalog.entities.bills import BILLS
from mews_assets.catalog.entities.guests import COMPANIES, CUSTOMERS
from mews_assets.catalog.entities.ledger import LEDGER_ENTRIES
from mews_assets.catalog.entities.order_items import ORDER_ITEMS
from mews_assets.catalog.entities.outlets import OUTLET_BILLS, OUTLET_ITEMS
from mews_assets.catalog.entities.payments import PAYMENTS
from mews_assets.catalog.entities.reservations import PRODUCT_SERVICE_ORDERS, RESERVATIONS
from mews_assets.catalog.model import Export, Pages, Table

TABLES: tuple[Table, ...] = (
    ORDER_ITEMS,
    PAYMENTS,
    RESERVATIONS,
    PRODUCT_SERVICE_ORDERS,
    CUSTOMERS,
    COMPANIES,
    BILLS,
    AVAILABILITY_ADJUSTMENTS,
    AVAILABILITY_BLOCKS,
    RESOURCE_BLOCKS,
    LEDGER_ENTRIES,
    OUTLET_ITEMS,
    OUTLET_BILLS,
)


class UnknownTableError(KeyError):
    """A table was asked for that the catalog does not have. The message names those there are."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"the catalog has no table {name!r}; choose from {', '.join(known)}")

    def __str__(self) -> str:  # KeyError would show the message in quotes
        return str(self.args[0])


def table(name: str) -> Table:
    """The table of that name. Raises UnknownTableError when there is none."""
    for candidate in TABLES:
        if candidate.name == name:
            return candidate
    raise UnknownTableError(name, (candidate.name for candidate in TABLES))


def tables(names: Iterable[str] | None = None) -> tuple[Table, ...]:
    """The tables of those names, in the order asked for and each once; all of them when None."""
    return TABLES if names is None else tuple(table(name) for name in dict.fromkeys(names))


def partners(of: Table) -> tuple[Table, ...]:
    """All tables that the same request brings, the given one among them (outlet items and bills)."""
    wanted = _request(of)
    return tuple(
        candidate
        for candidate in (TABLES if of in TABLES else (of, *TABLES))
        if _request(candidate) == wanted
    )


def _request(of: Table) -> Export | Pages:
    """What is asked of Mews, whatever part of the answer the table takes."""
    return of.fetch if isinstance(of.fetch, Export) else replace(of.fetch, records_key="")
