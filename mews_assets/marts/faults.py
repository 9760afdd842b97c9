"""What keeps a row out of a mart, and what is said of it.

Lives here: the words, and the conditions that several marts share, as parts of a CASE in SQL. A fault is one row's or
one hotel's: the others are reckoned as if it were not there.
"""

from __future__ import annotations

from mews_assets.marts import zones

HOTEL = "hotels.fault IS NOT NULL THEN hotels.fault"
"""A hotel whose days cannot be told."""


def owner(rows: str) -> str:
    """A row that one hotel's files hold and that names another: it counts for neither."""
    return f"{rows}.enterprise_id <> {rows}.scope THEN 'EnterpriseId is not the enterprise the row was fetched for'"


UNRECKONED = f"before {zones.FIRST:%Y} or after {zones.LAST.year - 1}"

TOO_MUCH = "10^18 or more, which is no sum of money"

NO_MONEY = f"NetValue or GrossValue is missing, or {TOO_MUCH}"
