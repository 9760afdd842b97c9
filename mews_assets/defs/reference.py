"""Reference: the enterprises, and with them the sets of partitions.

Lives here: the asset `reference/enterprises`. Materialising it asks every connection what it sees, writes the
enterprises, and adds new enterprises and chains to the partition sets. None is ever removed: what is no
longer visible is named, and its rows stay.
"""

import dagster as dg

from mews_assets.catalog.model import Pages, Table
from mews_assets.catalog.reference import ENTERPRISE_COLUMNS
from mews_assets.defs.discovery import register_scopes
from mews_assets.defs.resources import LakeResource, MewsResource
from mews_assets.defs.specs import ENTERPRISES_KEY, OWNERS
from mews_assets.ingest.directory import save_directory
from mews_assets.lake import layout
from mews_assets.lake.convert import convert

ENTERPRISES = Table(
    name="enterprises",
    entity="Enterprise",
    description="One row per enterprise that a connection sees, as it is now.",
    columns=ENTERPRISE_COLUMNS,
    fetch=Pages("enterprises/getAll", "Enterprises"),
    scope_column="Id",
)


def enterprises_asset(location: str) -> dg.AssetsDefinition:
    """`reference/enterprises`."""

    @dg.asset(
        key=ENTERPRISES_KEY,
        description=ENTERPRISES.description + " Fills the partition sets `enterprises` and `chains`.",
        group_name=layout.REFERENCE,
        kinds={"parquet"},
        owners=OWNERS,
        metadata={"dagster/uri": f"{location.rstrip('/')}/{layout.reference_file(ENTERPRISES.name)}"},
    )
    def enterprises(
        context: dg.AssetExecutionContext, mews: MewsResource, lake: LakeResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        opened = lake.open()
        with mews.open() as platform, opened.workspace() as workspace:
            directory = platform.directory
            lines = workspace / "enterprises.jsonl"
            lines.write_bytes(b"".join(record + b"\n" for record in directory.records))
            rows = workspace / layout.ROWS_FILE
            convert(ENTERPRISES, [lines], rows)
            opened.put(rows, layout.reference_file(ENTERPRISES.name))
        save_directory(opened, directory)
        _, gone = register_scopes(context.instance, directory)
        if gone:
            context.log.warning("No connection sees these any more; their rows stay: %s", ", ".join(gone))
        hotels = [
            f"| {one.name} | {one.chain_name} | {one.time_zone} | `{one.id}` |"
            for one in directory.enterprises.values()
        ]
        table = "| enterprise | chain | time zone | id |\n|---|---|---|---|\n" + "\n".join(hotels)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(directory.enterprises),
                "enterprises": dg.MetadataValue.md(table),
                "no_longer_visible": dg.MetadataValue.json(gone),
            }
        )

    return enterprises
