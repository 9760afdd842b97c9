"""Series: figures per day or time unit, whose past may change, a row of `SERIES` each.

They are Mews' own sums, which other tables can be held against. One module per group.
"""

from __future__ import annotations

from mews_assets.catalog.entities.series.availability import SERVICE_AVAILABILITY
from mews_assets.catalog.entities.series.balances import LEDGER_BALANCES
from mews_assets.catalog.series_model import SeriesTable as SeriesTable

SERIES: tuple[SeriesTable, ...] = (
    LEDGER_BALANCES,
    SERVICE_AVAILABILITY,
)
