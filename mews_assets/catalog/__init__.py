"""The catalog: WHAT exists, one frozen row per table, and finding tables by name.

Read `model` first, then `entities.shapes`, then any other module of `entities`. Adding a table takes one more row in
`TABLES`; tables that are not standard are fetched if they are named. Not here: requests to Mews (`api`), files
(`lake`), Dagster (`defs`).
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
from mews_assets.catalog.entities.booking_groups import (
    RESERVATION_GROUPS,
    RESERVATION_SOURCE_ASSIGNMENTS,
    RESTRICTIONS,
    SOURCE_ASSIGNMENTS,
)
from mews_assets.catalog.entities.companions import (
    COMPANIONSHIPS,
    IDENTITY_DOCUMENTS,
    SERVICE_ORDER_NOTES,
)
from mews_assets.catalog.entities.front_desk import (
    CASHIER_TRANSACTIONS,
    MESSAGE_THREADS,
    PAYMENT_REQUESTS,
    TASKS,
)
from mews_assets.catalog.entities.guests import COMPANIES, CUSTOMERS
from mews_assets.catalog.entities.ledger import LEDGER_ENTRIES
from mews_assets.catalog.entities.order_items import ORDER_ITEMS
from mews_assets.catalog.entities.outlets import OUTLET_BILLS, OUTLET_ITEMS
from mews_assets.catalog.entities.payments import PAYMENTS
from mews_assets.catalog.entities.profiles import (
    ACCOUNT_NOTES,
    ADDRESSES,
    CREDIT_CARDS,
    LOYALTY_MEMBERSHIPS,
)
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
    SOURCE_ASSIGNMENTS,
    RESERVATION_GROUPS,
    RESERVATION_SOURCE_ASSIGNMENTS,
    RESTRICTIONS,
    ACCOUNT_NOTES,
    ADDRESSES,
    CREDIT_CARDS,
    LOYALTY_MEMBERSHIPS,
    CASHIER_TRANSACTIONS,
    PAYMENT_REQUESTS,
    TASKS,
    MESSAGE_THREADS,
    COMPANIONSHIPS,
    SERVICE_ORDER_NOTES,
    IDENTITY_DOCUMENTS,
)


class UnknownTableError(KeyError):
    """The catalog has no table of that name. The message names all tables."""

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
    """The tables of these names, in their order and each once; the standard tables if None."""
    if names is None:
        return tuple(candidate for candidate in TABLES if candidate.is_standard)
    return tuple(table(name) for name in dict.fromkeys(names))


def partners(of: Table) -> tuple[Table, ...]:
    """All tables that the same request brings, including the given table (outlet items and bills)."""
    wanted = _request(of)
    return tuple(
        candidate
        for candidate in (TABLES if of in TABLES else (of, *TABLES))
        if _request(candidate) == wanted
    )


def _request(of: Table) -> Export | Pages:
    """The request to Mews, without the part of the answer that the table uses."""
    return of.fetch if isinstance(of.fetch, Export) else replace(of.fetch, records_key="")
