"""Reference: the tables that ids in other tables refer to; the enterprises also fill the partition sets.

Lives here: one asset per row of the catalog's `REFERENCES`, with its checks. Materialising the enterprises asks every
connection for its enterprises, and adds new enterprises and chains to the partition sets. None is ever removed: a scope
that is no longer visible is named, and its rows stay. Not here: asking Mews (`ingest.reference`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from mews_assets.catalog.entities.reference import ENTERPRISES, REFERENCES, Reference
from mews_assets.defs.assets import report
from mews_assets.defs.base.asset_specs import ENTERPRISES_KEY, OWNERS, column_schema
from mews_assets.defs.base.conditions import made_when_missing
from mews_assets.defs.base.partitions import register_scopes
from mews_assets.defs.base.resources import LakeResource, MewsResource
from mews_assets.ingest.directory import Directory, load_directory, save_directory
from mews_assets.ingest.reference import Answered, ask_reference
from mews_assets.lake.landing.reference_tables import ReferenceMeasures, reference_schema, write_reference
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_api


@dataclass(frozen=True)
class ReferenceCheck:
    """A check every reference table has. The description says why the severity is what it is."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    judge: Callable[[ReferenceMeasures, Answered], tuple[bool, Mapping[str, Any]]]


REFERENCE_CHECKS = (
    ReferenceCheck(
        "key_unique",
        "No two rows share an id. ERROR: whoever joins on it would count money twice.",
        dg.AssetCheckSeverity.ERROR,
        lambda rows, _: (not rows.duplicate_keys, {"rows": rows.rows, "duplicate_keys": rows.duplicate_keys}),
    ),
    ReferenceCheck(
        "required_present",
        "Every column that Mews requires is filled. ERROR: a required field that is gone is a broken contract.",
        dg.AssetCheckSeverity.ERROR,
        lambda rows, _: (not rows.missing, {"rows": rows.rows, "missing": dict(rows.missing)}),
    ),
    ReferenceCheck(
        "none_vanished",
        "Every enterprise that had rows and was asked about has some still. ERROR: hotels do not lose all their "
        "services in a day; a right was taken from the token, or something is wrong at Mews. The rows stay.",
        dg.AssetCheckSeverity.ERROR,
        lambda rows, _: (not rows.vanished, {"rows_before": dict(rows.vanished)}),
    ),
    ReferenceCheck(
        "all_answered",
        "Every connection answered. WARN: the rows of the others are fresh, those of silent ones stay as before.",
        dg.AssetCheckSeverity.WARN,
        lambda _, answered: (not answered.silent, {"did_not_answer": dict(answered.silent)}),
    ),
)


def reference_key(reference: Reference) -> dg.AssetKey:
    return dg.AssetKey([layout.REFERENCE, reference.name])


def reference_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`reference/<name>`, for every row of the catalog."""
    return [_asset(reference, settings.lake) for reference in REFERENCES]


def _asset(reference: Reference, location: str) -> dg.AssetsDefinition:
    is_first = reference.name == ENTERPRISES.name
    more = " Fills the partition sets `enterprises` and `chains`." if is_first else ""

    @dg.asset(
        key=reference_key(reference),
        deps=[] if is_first else [ENTERPRISES_KEY],
        description=f"{reference.description}{more}",
        group_name=layout.REFERENCE,
        kinds={"parquet"},
        owners=OWNERS,
        tags={"mews/entity": reference.entity},
        metadata={
            "dagster/table_name": f"{layout.REFERENCE}.{reference.name}",
            "dagster/uri": f"{location.rstrip('/')}/{layout.reference_file(reference.name)}",
            "dagster/column_schema": column_schema(reference_schema(reference)),
            "mews/asked": reference.operation,
        },
        automation_condition=made_when_missing(),
        check_specs=[
            dg.AssetCheckSpec(check.name, asset=reference_key(reference), description=check.description)
            for check in REFERENCE_CHECKS
        ],
    )
    def refresh(
        context: dg.AssetExecutionContext, mews: MewsResource, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        with report.raise_as_dagster_failure(reference.table):
            opened = lake.open()
            known = load_directory(opened)
            with mews.open(before=known) if is_first else mews.open(known) as platform:
                answered = ask_reference(reference, platform.clients, platform.directory)
                directory, now = platform.directory, platform.now()
            rows = write_reference(opened, reference, answered.records, now, answered.asked)
            registered = _registered(context, opened, directory, now) if is_first else {}
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows.rows,
                "dagster/uri": opened.uri(layout.reference_file(reference.name)),
                "size_bytes": rows.size_bytes,
                "sent_at": to_api(now),
                "rows_sent": rows.sent,
                "rows_no_longer_sent": rows.kept,
                **registered,
            },
            check_results=[_judged(check, rows, answered) for check in REFERENCE_CHECKS],
        )

    return refresh


def _judged(check: ReferenceCheck, rows: ReferenceMeasures, answered: Answered) -> dg.AssetCheckResult:
    passed, metadata = check.judge(rows, answered)
    return dg.AssetCheckResult(
        passed=passed, check_name=check.name, severity=check.severity, metadata=metadata
    )


def _registered(
    context: dg.AssetExecutionContext, lake: Lake, directory: Directory, now: datetime
) -> dict[str, Any]:
    """Save the directory and fill the partition sets. Returns metadata."""
    save_directory(lake, directory, now)
    _, gone = register_scopes(context.instance, directory)
    if gone:
        context.log.warning("No connection sees these any more; their rows stay: %s", ", ".join(gone))
    hotels = [
        f"| {enterprise.name} | {enterprise.chain_name} | {enterprise.time_zone} | `{enterprise.id}` |"
        for enterprise in directory.enterprises.values()
    ]
    table = "| enterprise | chain | time zone | id |\n|---|---|---|---|\n" + "\n".join(hotels)
    return {"enterprises": dg.MetadataValue.md(table), "no_longer_visible": dg.MetadataValue.json(gone)}
