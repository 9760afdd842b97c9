"""Marts: tables that answer common questions, each with a plot.

Read `model` first, then `inputs` for the tables that a query finds, then any mart. To add a mart, add its module and
its row in `MARTS`. Not here: Dagster, and building the lake's tables.
"""

from __future__ import annotations

from mews_assets.marts.daily_revenue import DAILY_REVENUE
from mews_assets.marts.ledger_trial_balance import LEDGER_TRIAL_BALANCE
from mews_assets.marts.model import Mart
from mews_assets.marts.occupancy_and_pickup import OCCUPANCY_AND_PICKUP
from mews_assets.marts.outlet_revenue import OUTLET_REVENUE

MARTS: tuple[Mart, ...] = (DAILY_REVENUE, OCCUPANCY_AND_PICKUP, LEDGER_TRIAL_BALANCE, OUTLET_REVENUE)
