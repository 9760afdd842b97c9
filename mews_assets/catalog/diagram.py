"""A diagram of how tables refer to one another, for Mermaid.

Lives here: the tables of the core, and the text of the diagram, from the columns that refer to other tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mews_assets.catalog.fields import references
from mews_assets.catalog.model import RecordType

CORE = (
    "reservations",
    "order_items",
    "bills",
    "payments",
    "services",
    "resource_categories",
    "resources",
    "rates",
    "rate_groups",
    "business_segments",
    "products",
    "accounting_categories",
)
"""What most questions are about: who stays where, at which rate, and what it earns."""


def diagram(tables: Iterable[RecordType]) -> Iterator[str]:
    """The lines of an entity relationship diagram of the core: an arrow for each column that refers to a table."""
    core = [table for name in CORE for table in tables if table.name == name]
    names = {table.name for table in core}
    yield "erDiagram"
    for table in core:
        for field in references(table):
            if field.column.refers_to in names:
                many = "||--o{" if field.column.required and len(field.columns) == 1 else "|o--o{"
                yield f'  {field.column.refers_to} {many} {table.name} : "{field.path}"'
