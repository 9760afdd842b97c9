"""Columns that several marts share.

Lives here: columns with the same meaning in each mart, and constructors of columns by type.
"""

from __future__ import annotations

import pyarrow as pa

from mews_assets.marts.model import MONEY, MartColumn

ENTERPRISE_ID = MartColumn("enterprise_id", pa.string(), "Id of the enterprise.")
ENTERPRISE = MartColumn("enterprise", pa.string(), "Name of the enterprise.")
BUSINESS_DAY = MartColumn("business_day", pa.date32(), "The hotel's business day, by its own clock.")
IS_COMPLETE = MartColumn(
    "is_complete",
    pa.bool_(),
    "Whether that business day was over at the instant of the mart, and did not begin before the lake does.",
)
IS_FINAL = MartColumn(
    "is_final",
    pa.bool_(),
    "Whether the longer of the hotel's editable-history intervals has passed since the end of that day, so that Mews "
    "changes it no more; empty where the hotel has none.",
)
DIMENSION = MartColumn(
    "dimension",
    pa.string(),
    "What the row is grouped by: resource_category, segment, rate, source or origin. Filter by one of them: each "
    "dimension counts everything.",
)
VALUE_ID = MartColumn(
    "value_id", pa.string(), "Id of the group in that dimension; of a source and an origin, its name."
)
VALUE = MartColumn("value", pa.string(), "Name of the group; `not given` for stays without one.")
CURRENCY = MartColumn("currency", pa.string(), "ISO 4217 code of the currency of the sums.")


def money(name: str, description: str) -> MartColumn:
    return MartColumn(name, MONEY, description)


def text(name: str, description: str) -> MartColumn:
    return MartColumn(name, pa.string(), description)


def count(name: str, description: str) -> MartColumn:
    return MartColumn(name, pa.int64(), description)


def day(name: str, description: str) -> MartColumn:
    return MartColumn(name, pa.date32(), description)
