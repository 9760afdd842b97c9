"""Marts: tables that answer common questions, each with a plot.

Read `model` first, then `inputs` for the tables that a query finds, then any mart in `stays` or `money`. To add a mart,
add its module and its row in `MARTS`. Not here: Dagster, and building the lake's tables.
"""

from __future__ import annotations

from mews_assets.marts.model import Mart
from mews_assets.marts.money.daily_revenue import DAILY_REVENUE
from mews_assets.marts.money.ledger_trial_balance import LEDGER_TRIAL_BALANCE
from mews_assets.marts.money.outlet_revenue import OUTLET_REVENUE
from mews_assets.marts.money.payments_by_type import PAYMENTS_BY_TYPE
from mews_assets.marts.money.receivables import RECEIVABLES
from mews_assets.marts.money.tax_summary import TAX_SUMMARY
from mews_assets.marts.stays.cancellations_and_no_shows import CANCELLATIONS_AND_NO_SHOWS
from mews_assets.marts.stays.daily_performance import DAILY_PERFORMANCE, DAILY_PERFORMANCE_BY_DIMENSION
from mews_assets.marts.stays.lead_time_and_length_of_stay import LEAD_TIME_AND_LENGTH_OF_STAY
from mews_assets.marts.stays.occupancy_and_pickup import OCCUPANCY_AND_PICKUP
from mews_assets.marts.stays.pickup import PICKUP

MARTS: tuple[Mart, ...] = (
    DAILY_PERFORMANCE,
    DAILY_PERFORMANCE_BY_DIMENSION,
    DAILY_REVENUE,
    OCCUPANCY_AND_PICKUP,
    PICKUP,
    CANCELLATIONS_AND_NO_SHOWS,
    LEAD_TIME_AND_LENGTH_OF_STAY,
    PAYMENTS_BY_TYPE,
    TAX_SUMMARY,
    RECEIVABLES,
    LEDGER_TRIAL_BALANCE,
    OUTLET_REVENUE,
)
