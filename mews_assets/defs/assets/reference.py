"""Reference: the tables that ids in other tables refer to; the enterprises also fill the partition sets.

Lives here: one op for all tables that are read whole, an asset each, with its checks. Tables that need the ids of
others are read after them; a table that cannot be read does not stop the others. Materialising the enterprises asks
every connection for its enterprises, and adds new enterprises and chains to the partition sets. None is ever removed: a
scope that is no longer visible is named, and its rows stay. Not here: asking Mews (`ingest.reference`).
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from mews_assets.api import MewsError
from mews_assets.catalog.entities.reference import ENTERPRISES, Reference
from mews_assets.catalog.model import ScopeKind
from mews_assets.catalog.reference_model import in_order
from mews_assets.defs.assets import run_failures
from mews_assets.defs.base.asset_specs import OWNERS
from mews_assets.defs.base.column_schemas import column_schema
from mews_assets.defs.base.conditions import made_when_missing
from mews_assets.defs.base.metadata_keys import size_text
from mews_assets.defs.base.partitions import keys_in, register_scopes
from mews_assets.defs.base.resources import MewsResource, Platform, lake_of, mews_of
from mews_assets.defs.checks.evaluate import Refresh
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory, save_directory
from mews_assets.ingest.reference import Answered, ask_reference
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_rows import last_read, reference_schema
from mews_assets.lake.landing.reference_tables import ReferenceMeasures, write_reference
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import to_api

OP = "read_reference"
_REFRESHED_AT_MOST_EVERY = timedelta(minutes=10)


SOUND = "sound"
"""One check for each table: with four, there would be more events of checks than all others of the run."""
_SOUND = (
    "No two rows share a key, every column that Mews requires is filled, and every hotel that had rows and was asked "
    "about has some still. ERROR: whoever joins would count money twice, the contract is broken, or a right was taken "
    "from a token. Every connection answered. WARN: the rows of the others are fresh, those of silent ones stay as "
    "before."
)


def reference_assets(settings: Settings) -> dg.AssetsDefinition:
    """`reference/<name>`, for every reference table that the settings choose, made by one op."""
    chosen, namespace = settings.references, Namespace.of(settings)

    @dg.multi_asset(
        name=namespace.name(OP),
        specs=[_spec(reference, settings) for reference in chosen],
        check_specs=[
            dg.AssetCheckSpec(SOUND, asset=namespace.reference(reference), description=_SOUND)
            for reference in chosen
        ],
        can_subset=True,
        required_resource_keys={namespace.mews_resource, namespace.lake_resource},
    )
    def refresh(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        mews, lake = mews_of(context, namespace), lake_of(context, namespace)
        wanted = [one for one in chosen if namespace.reference(one) in context.selected_asset_keys]
        first = ENTERPRISES in wanted
        failures: dict[str, dg.Failure] = {}
        opened = lake.open()
        with run_failures.raise_as_dagster_failure(wanted[0]):
            known = load_directory(opened)
            clients = mews.open(before=known) if first else mews.open(known)
        with run_failures.raise_as_dagster_failure(wanted[0]), clients as platform:
            for group in in_order(wanted):
                try:
                    with run_failures.raise_as_dagster_failure(group[0]):
                        yield from list(_read(context, group, platform, opened, namespace))
                except dg.Failure as failure:
                    failures |= {namespace.reference(one).to_user_string(): failure for one in group}
        if failures:
            raise run_failures.failure_of_assets(failures)

    return refresh


def refresh_outdated(
    context: dg.AssetExecutionContext, mews: MewsResource, lake: Lake, settings: Settings
) -> Refresh:
    """What reads reference tables again, for a run whose rows name records that they do not have.

    Not more often than every few minutes: an id that no record has would make every run read again.
    """

    def refresh(names: Collection[str]) -> bool:
        try:
            with mews.open(load_directory(lake)) as platform:
                recently = platform.now() - _REFRESHED_AT_MOST_EVERY
                read_at = {one: last_read(lake, one) for one in settings.references if one.name in names}
                old = [one for one, at in read_at.items() if at is not None and at < recently]
                for group in in_order(old):
                    context.log.info("rows name records that are newer than reference/%s", group[0].name)
                    for result in _read(context, group, platform, lake, Namespace.of(settings)):
                        event = dg.AssetMaterialization(result.asset_key or "", metadata=result.metadata)
                        context.log_event(event)
                return bool(old)
        except (MewsError, LakeError) as error:  # the check says what is missing
            context.log.warning("reference tables could not be read again: %s", error)
            return False

    return refresh


def _read(
    context: dg.AssetExecutionContext,
    group: tuple[Reference, ...],
    platform: Platform,
    lake: Lake,
    namespace: Namespace,
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """The tables of one request, asked for and written."""
    answered = ask_reference(group, platform.clients, platform.directory, lake)
    now = platform.now()
    for reference in group:
        rows = write_reference(lake, reference, answered.records[reference.name], now, answered.asked)
        is_first = reference.name == ENTERPRISES.name
        registered = _registered(context, lake, platform.directory, now, namespace) if is_first else {}
        asset = namespace.reference(reference)
        yield dg.MaterializeResult(
            asset,
            metadata={
                "dagster/row_count": rows.rows,
                "dagster/uri": lake.uri(layout.reference_file(reference.name)),
                "size_bytes": rows.size_bytes,
                "size": size_text(rows.size_bytes),
                "sent_at": to_api(now),
                "rows_sent": rows.sent,
                "rows_no_longer_sent": rows.kept,
                **({"rows_gone": rows.gone} if reference.vanishes else {}),
                **registered,
            },
            check_results=[judged(asset, rows, answered)],
        )


def _spec(reference: Reference, settings: Settings) -> dg.AssetSpec:
    is_first, namespace = reference.name == ENTERPRISES.name, Namespace.of(settings)
    sets = " and ".join(f"`{namespace.scope_set(kind)}`" for kind in ScopeKind)
    more = f" Fills the partition sets {sets}." if is_first else ""
    parents = [namespace.reference(name) for name in reference.parents]
    return dg.AssetSpec(
        namespace.reference(reference),
        deps=[] if is_first else list(dict.fromkeys([namespace.enterprises, *parents])),
        description=f"{reference.description}{more}",
        group_name=namespace.group(layout.REFERENCE),
        kinds={"parquet"},
        owners=OWNERS,
        tags={"mews/entity": reference.entity},
        metadata={
            "dagster/table_name": f"{layout.REFERENCE}.{reference.name}",
            "dagster/uri": f"{settings.lake.rstrip('/')}/{layout.reference_file(reference.name)}",
            "dagster/column_schema": column_schema(reference_schema(reference)),
            "mews/asked": reference.fetch.operation,
        },
        automation_condition=made_when_missing(),
        skippable=True,
    )


def judged(asset: dg.AssetKey, rows: ReferenceMeasures, answered: Answered) -> dg.AssetCheckResult:
    """The verdict on a table, with the numbers behind it."""
    faults: dict[str, Any] = {
        "duplicate_keys": rows.duplicate_keys,
        "missing": rows.missing,
        "vanished": rows.vanished,
    }
    return sound_result(asset, {"rows": rows.rows}, faults, answered.silent)


def sound_result(
    asset: dg.AssetKey, counted: Mapping[str, int], faults: Mapping[str, Any], silent: Any
) -> dg.AssetCheckResult:
    """The result of the check `sound`: an error where there are faults, a warning where connections were silent."""
    found = {name: value for name, value in faults.items() if value}
    no_answer = {"did_not_answer": silent} if silent else {}
    return dg.AssetCheckResult(
        passed=not found and not silent,
        asset_key=asset,
        check_name=SOUND,
        severity=dg.AssetCheckSeverity.ERROR if found else dg.AssetCheckSeverity.WARN,
        metadata={**counted, **found, **no_answer},
    )


def _registered(
    context: dg.AssetExecutionContext,
    lake: Lake,
    directory: Directory,
    now: datetime,
    namespace: Namespace,
) -> dict[str, Any]:
    """Save the directory and fill the partition sets. Returns metadata."""
    directory = save_directory(lake, directory, now)
    _, gone = register_scopes(context.instance, directory, namespace)
    if gone:
        context.log.warning("No connection sees these any more; their rows stay: %s", ", ".join(gone))
    keys = keys_in(context.instance, directory, lake.grain, namespace)
    hotels = [
        f"| {hotel.name} | {hotel.chain_name} | {hotel.time_zone} | `{keys.join(hotel.id)}` | `{hotel.id}` |"
        for hotel in directory.enterprises.values()
    ]
    table = "| enterprise | chain | time zone | partition | id |\n|---|---|---|---|---|\n" + "\n".join(hotels)
    return {"enterprises": dg.MetadataValue.md(table), "no_longer_visible": dg.MetadataValue.json(gone)}
