"""Columns that several marts share.

Lives here: columns with the same meaning in each mart, constructors of columns by type, and the SQL of a hotel's
currency.
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
    "Whether that business day was over at the instant of the mart, did not begin before MEWS_START_DATE, and lacks no "
    "items that are known to exist.",
)
IS_FINAL = MartColumn(
    "is_final",
    pa.bool_(),
    "Whether the longer of the hotel's editable-history intervals has passed since the end of that day, so that Mews "
    "changes it no more; empty where the hotel has none.",
)
LEAD_TIME_FROM = MartColumn(
    "lead_time_from", pa.int64(), "Fewest days of the group of lead times, by which they are in order."
)
LEAD_TIME = MartColumn("lead_time", pa.string(), "Group of days from booking to arrival.")
SEGMENT_ID = MartColumn("business_segment_id", pa.string(), "Id of the business segment; empty without one.")
SEGMENT = MartColumn(
    "segment", pa.string(), "Name of the business segment; `not given` for stays without one."
)
SOURCE = MartColumn(
    "source",
    pa.string(),
    "The channel's or agency's name, from OriginDetails; `not given` where it is empty.",
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


def hotel_currencies(rows: str) -> str:
    """SQL for the currency of most of each hotel's rows, which have `scope` and `currency`."""
    return (
        "SELECT scope, currency AS own_currency "
        f"FROM (SELECT scope, currency, count(*) AS items FROM {rows} WHERE currency IS NOT NULL GROUP BY ALL) "
        "QUALIFY row_number() OVER (PARTITION BY scope ORDER BY items DESC, currency) = 1"
    )
