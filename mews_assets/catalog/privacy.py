"""Personal data: how it is shown in the tables, decided by a column's mark and kind alone.

Lives here: the policies, which columns are empty under each, and which columns survive an erasure. Not here: masking
rows (`lake.conversion.mask_rows`) and redacting landed lines (`lake.landing.redact_lines`).

Under `hash` only free text is hashed. An enum has few values, and their hashes can be identified by frequency; a date
can be guessed by trying all. Both are left empty, as under `drop`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mews_assets.catalog.model import Column, Kind, RecordType, Table

HASH_DIGITS = 32
"""Hexadecimal digits of the HMAC-SHA-256: 128 bits, so no two texts of a lake share a hash."""
MIN_KEY_LENGTH = 16
"""Characters. Whoever guesses the key can find all names and numbers by trying them."""


class Pii(StrEnum):
    """The policy for personal data in the tables. The value is what `MEWS_PII` accepts."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


_STRICTNESS = (Pii.KEEP, Pii.HASH, Pii.DROP)


@dataclass(frozen=True)
class Privacy:
    """A policy with its key. The key is never shown; its fingerprint identifies it."""

    pii: Pii = Pii.KEEP
    key: bytes = field(default=b"", repr=False)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the key; empty if the policy uses none."""
        return self.digest("mews_assets: fingerprint of the key") if self.pii is Pii.HASH and self.key else ""

    def digest(self, text: str) -> str:
        """The keyed hash of a text: the same in every table."""
        return hmac.digest(self.key, text.encode(), "sha256").hex()[:HASH_DIGITS]

    def only_hides_more_than(self, other: Privacy) -> bool:
        """Whether rows under the other policy can be rewritten under this one without the landing."""
        if self.pii is other.pii:
            return self.fingerprint == other.fingerprint
        return _STRICTNESS.index(self.pii) > _STRICTNESS.index(other.pii)


KEEP = Privacy()


def is_hashed(column: Column) -> bool:
    """Whether a personal column is hashed. JSON keeps its structure, with every text in it hashed."""
    return column.kind in (Kind.STRING, Kind.JSON)


def has_personal(column: Column) -> bool:
    """Whether the column is personal, or a column nested in it. Everything in a personal object is personal."""
    return column.pii or any(has_personal(nested) for nested in column.columns)


def with_nullable_pii(table: Table, pii: Pii) -> Table:
    """The table with the columns not required that the policy may leave empty."""
    if pii is Pii.KEEP:
        return table

    def empty(column: Column) -> bool:
        return column.pii and (pii is Pii.DROP or not is_hashed(column))

    columns = (replace(column, required=False) if empty(column) else column for column in table.columns)
    return replace(table, columns=tuple(columns))


def is_data_subject_table(table: RecordType) -> bool:
    """Whether a record of the table is itself a person: its own id is a person's."""
    return any(column.name == "Id" and column.person for column in table.columns)


def survives_erasure(table: RecordType, column: Column) -> bool:
    """Whether a column of a person's record is kept when the person is erased: keys, and what Mews requires of every
    record."""
    return column.name in table.key_columns or column.person or (column.required and not has_personal(column))
