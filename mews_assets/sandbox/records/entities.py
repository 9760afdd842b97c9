"""The entity types the sandbox serves: which of them belong to a chain, and which are exported or paged.

Lives here: plain names. Not here: the operations that answer with them (`server.operations`).
"""

from __future__ import annotations

CHAIN_ENTITIES = frozenset({"Customer", "Company"})
"""Entities whose scope is a chain; that of all others is an enterprise."""


EXPORTED = (
    "OrderItem", "Payment", "Reservation", "Customer", "Company", "Bill", "AvailabilityAdjustment",
    "AvailabilityBlock", "ResourceBlock", "LedgerEntry",
)  # fmt: skip


PAGED = (
    "OutletItem",
    "OutletBill",
    "ProductServiceOrder",
    "Enterprise",
    "Service",
    "Outlet",
    "AccountingCategory",
)


ENTITIES = EXPORTED + PAGED
