"""Faults: the reasons why rows are left out of a mart, in words and as SQL.

Lives here: the texts, and the conditions that several marts share, as branches of a CASE. A fault concerns one row or
one hotel: all others are computed as if it did not exist. Not here: files that cannot be read (`unreadable_inputs`).
"""

from __future__ import annotations

from mews_assets.marts import zones

HOTEL = "hotels.fault IS NOT NULL THEN hotels.fault"
"""A branch for hotels whose business days cannot be computed."""


def owner(rows: str) -> str:
    """A branch for rows in one hotel's files that name another hotel: they count for neither."""
    return f"{rows}.enterprise_id <> {rows}.scope THEN 'EnterpriseId is not the enterprise the row was fetched for'"


OUT_OF_RANGE = f"before {zones.FIRST:%Y} or after {zones.LAST.year - 1}"

TOO_MUCH = "10^18 or more, which is no sum of money"

NO_MONEY = f"NetValue or GrossValue is missing, or {TOO_MUCH}"

OTHER_CURRENCY = "Amount.Currency is not that of most of the hotel''s items"
"""As SQL: a hotel's sums are in one currency."""
