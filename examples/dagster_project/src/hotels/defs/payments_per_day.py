"""An asset of the project itself, made from a table of Mews."""

import os
from pathlib import Path

import dagster as dg
import pandas


@dg.asset(
    deps=[dg.AssetDep(["mews", "current", "payments"], partition_mapping=dg.AllPartitionMapping())],
    automation_condition=dg.AutomationCondition.eager(),
)
def payments_per_day() -> dg.MaterializeResult:
    """Payments of all hotels by day and currency, in `payments_per_day.parquet` beside the lake.

    `mews/current/payments` has a partition per hotel; this asset reads all of them.
    """
    lake = Path(os.environ["HOTELS_LAKE"])
    payments = pandas.read_parquet(lake / "current" / "payments", columns=["created_utc", "amount"])
    amounts = pandas.json_normalize(payments["amount"])
    day = payments["created_utc"].dt.date.rename("day")
    totals = (
        amounts["gross_value"].groupby([day, amounts["currency"]]).sum().rename("gross_value").reset_index()
    )
    totals.to_parquet(lake.parent / "payments_per_day.parquet")
    return dg.MaterializeResult(metadata={"dagster/row_count": len(totals)})
