"""What must hold between the values of a row, or of rows together, where a table keeps books.

Lives here: double entry and known signs, as plain rows that a table of the catalog names. Not here: amounts of
money, which are told by their shape (`fields`), and the counting (the lake's `rules` and `balance`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Balance:
    """Double entry: on every `date`, and in every `transaction`, debits equal credits to the last digit.

    All but the two values of `side` name columns of the table, spelt as Mews does.
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
    """A number whose sign is known: `value` (dotted, spelt as Mews does) is never of the sign `never`.

    With `by`, only in rows where that column has one of the values `among`.
    """

    value: str
    never: Literal["negative", "positive"]
    by: str = ""
    among: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.by) != bool(self.among):
            raise ValueError(
                f"sign of {self.value}: a column to tell rows by needs values, and values need it"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.value, self.by) if self.by else (self.value,)
