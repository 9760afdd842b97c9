"""Bookkeeping rules: what must hold between the values of a row, or of several rows.

Lives here: double entry and known signs, as plain values in a table's definition. Not here: amounts of money, which are
found by their columns (`fields`), and counting violations (`lake.quality.rules` and `lake.quality.double_entry`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Balance:
    """Double entry: on every `date`, and in every `transaction`, debits equal credits exactly.

    `date`, `transaction`, `value` and `side` name columns, spelled as Mews does; the others are values of `side`.
    """

    date: str
    transaction: str
    value: str
    side: str
    debit: str = "Debit"
    credit: str = "Credit"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.date, self.transaction, self.value, self.side)


@dataclass(frozen=True)
class Sign:
    """A number whose sign is known: `value` (dotted, spelled as Mews does) is never of the sign `never`.

    With `by`, only in rows where that column has one of the values `among`.
    """

    value: str
    never: Literal["negative", "positive"]
    by: str = ""
    among: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.by) != bool(self.among):
            raise ValueError(f"sign of {self.value}: `by` needs values in `among`, and `among` needs `by`")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.value, self.by) if self.by else (self.value,)
