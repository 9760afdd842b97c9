"""An asset of the project itself with a partition for each hotel, made from the same partition of a table of Mews."""

import os
from pathlib import Path

import dagster as dg
import pandas

PAYMENTS = dg.AssetKey(["mews", "current", "payments"])
HOTELS = dg.DynamicPartitionsDefinition(name="mews__enterprises")
"""The partition set of the component: its name begins with the component's key prefix."""


@dg.asset(
    # The same partitions on both sides: Dagster maps each hotel to itself.
    deps=[PAYMENTS],
    partitions_def=HOTELS,
    automation_condition=dg.AutomationCondition.eager(),
)
def largest_payments(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The ten largest payments of a hotel, in `largest_payments/<hotel>.parquet` beside the lake."""
    event = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(PAYMENTS, asset_partitions=[context.partition_key]), limit=1
    ).records[0]
    # The file of the hotel's partition, as its newest materialisation names it.
    file = event.asset_materialization.metadata["dagster/uri"].value
    payments = pandas.read_parquet(file, columns=["id", "amount"], partitioning=None)
    payments["gross_value"] = [amount["gross_value"] for amount in payments["amount"]]
    largest = payments.nlargest(10, "gross_value")[["id", "gross_value"]]
    target = Path(os.environ["HOTELS_LAKE"]).parent / "largest_payments" / f"{context.partition_key}.parquet"
    target.parent.mkdir(exist_ok=True)
    largest.to_parquet(target)
    return dg.MaterializeResult(metadata={"dagster/row_count": len(largest)})
