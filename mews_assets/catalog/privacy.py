"""Personal data: what becomes of it in the tables, decided by a column's mark and kind alone.

Lives here: the policies, which columns are empty under each, and which columns of a record about a person are
more than keys. Not here: changing rows (`lake.hiding`) and landed lines (`lake.redaction`).

Under `hash` only free text is hashed. An enum has a few values, and a few hashes are told apart by how often they
come; a date can be tried out. Both are left empty, as they are under `drop`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mews_assets.catalog.model import Column, Kind, Table

HASH_DIGITS = 32
"""Hexadecimal, of HMAC-SHA-256: 128 bits, which no two texts of a lake share."""
MIN_KEY_LENGTH = 16
"""Characters. Names and numbers are few: who can guess the key can find out all of them."""


class Pii(StrEnum):
    """What the tables show of personal data. The value is what `MEWS_PII` accepts."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


_STRICTNESS = (Pii.KEEP, Pii.HASH, Pii.DROP)


@dataclass(frozen=True)
class Privacy:
    """A policy with its key. The key is told nowhere; its fingerprint tells one key from another."""

    pii: Pii = Pii.KEEP
    key: bytes = field(default=b"", repr=False)

    @property
    def fingerprint(self) -> str:
        """Of the key; empty where none is used."""
        return self.digest("mews_assets: fingerprint of the key") if self.pii is Pii.HASH and self.key else ""

    def digest(self, text: str) -> str:
        """What stands for a text: the same for the same text in every table."""
        return hmac.digest(self.key, text.encode(), "sha256").hex()[:HASH_DIGITS]

    def only_hides_more_than(self, other: Privacy) -> bool:
        """Whether rows under the other policy can be brought under this one, without the landing."""
        if self.pii is other.pii:
            return self.fingerprint == other.fingerprint
        return _STRICTNESS.index(self.pii) > _STRICTNESS.index(other.pii)


KEEP = Privacy()


def is_hashed(column: Column) -> bool:
    """Whether a personal column can hold a hash. JSON keeps its shape, with every text in it hashed."""
    return column.kind in (Kind.STRING, Kind.JSON)


def has_personal(column: Column) -> bool:
    """Whether it is personal, or holds something that is. All that a personal object holds is personal."""
    return column.pii or any(has_personal(nested) for nested in column.columns)


def with_nullable_pii(table: Table, pii: Pii) -> Table:
    """The table, requiring nothing of the columns that the policy may leave empty."""
    if pii is Pii.KEEP:
        return table

    def empty(column: Column) -> bool:
        return column.pii and (pii is Pii.DROP or not is_hashed(column))

    columns = (replace(one, required=False) if empty(one) else one for one in table.columns)
    return replace(table, columns=tuple(columns))


def is_data_subject_table(table: Table) -> bool:
    """Whether a record of the table is about a person, and not only of one: its own id is a person's."""
    return any(column.name == "Id" and column.person for column in table.columns)


def survives_erasure(table: Table, column: Column) -> bool:
    """Whether a column of a record about a person stays when the person is forgotten: keys, and what Mews
    requires of every record."""
    keys = {"Id", table.scope_column, table.window_column, table.version_column}
    return column.name in keys or column.person or (column.required and not has_personal(column))
