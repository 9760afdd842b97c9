"""The entity types the sandbox serves: which of them belong to a chain, and which are exported or paged.

Lives here: names, and what the catalog knows of the keys and owners of records. Not here: the operations that answer
with them (`server.operations`).
"""

from __future__ import annotations

from typing import Any

from mews_assets.catalog import TABLES
from mews_assets.catalog.entities.reference import REFERENCES, Reference
from mews_assets.catalog.model import ScopeKind

REFERENCE_ENTITIES: dict[str, Reference] = {reference.entity: reference for reference in REFERENCES}

_SCOPES = [*((one.entity, one.scope) for one in TABLES), *((one.entity, one.scope) for one in REFERENCES)]
CHAIN_ENTITIES = frozenset(entity for entity, scope in _SCOPES if scope is ScopeKind.CHAIN)
"""Entities whose scope is a chain; that of all others is an enterprise."""

GLOBAL_ENTITIES = frozenset(
    {"Source", *(entity for entity, one in REFERENCE_ENTITIES.items() if one.for_everyone)}
)
"""Entities whose records every token sees."""

EXPORTED = (
    "OrderItem", "Payment", "Reservation", "Customer", "Company", "Bill", "AvailabilityAdjustment",
    "AvailabilityBlock", "ResourceBlock", "LedgerEntry",
)  # fmt: skip


PAGED = (*(one.entity for one in TABLES if one.entity not in EXPORTED), *REFERENCE_ENTITIES)


ENTITIES = EXPORTED + PAGED

STAMPS = {
    **{
        one.entity: ""
        for one in (*TABLES, *REFERENCES)
        if not any(column.name == "UpdatedUtc" for column in one.columns)
    },
    **{one.entity: one.version_column for one in TABLES if one.version_column == "CreatedUtc"},
}
"""The property that holds the stamp of a version, where it is not UpdatedUtc; empty where records show none."""

_UNIT = "/"
"""Between the parts of a key."""


def key_of(entity: str, record: dict[str, Any]) -> str:
    """What tells a record apart, as the store keeps it: its id, or the parts of its key."""
    paths = REFERENCE_ENTITIES[entity].key if entity in REFERENCE_ENTITIES else ("Id",)
    return _UNIT.join(str(value_at(record, path) or "") for path in paths).lower()


def value_at(record: Any, path: str) -> Any:
    """The value at a path such as `Enterprise.Id`; None where there is none."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def owner_path(entity: str) -> str:
    """The path of the property that names the enterprise or chain of a record."""
    reference = REFERENCE_ENTITIES.get(entity)
    if reference and reference.owner and not reference.owner.through:
        return reference.owner.column
    return "ChainId" if entity in CHAIN_ENTITIES else "EnterpriseId"


def owners_by_way(entity: str) -> list[tuple[str, str]]:
    """The entities whose records have the same owner as a record that names them, with the property that does."""
    reference, entities = REFERENCE_ENTITIES.get(entity), {one.name: one.entity for one in REFERENCES}
    found = [("Service", "ServiceId"), ("AvailabilityBlock", "AvailabilityBlockId")]
    if reference and reference.owner and reference.owner.through:
        found.insert(0, (entities[reference.owner.through], reference.owner.column))
    return found
