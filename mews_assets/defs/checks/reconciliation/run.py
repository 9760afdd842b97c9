"""The reconciliations in Dagster: asset checks on the series, in one op and one run a night.

Lives here: specs, verdicts, job and schedule. The checks are in no job that reads figures, because the lake's own rows
of the night land at other times. Not here: the comparisons (`ledger`, `rooms`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import dagster as dg

from mews_assets.catalog.entities.ledger import LEDGER_ENTRIES
from mews_assets.catalog.entities.series.availability import SERVICE_AVAILABILITY
from mews_assets.catalog.entities.series.balances import LEDGER_BALANCES
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.jobs import asset_job, how_to_find_hotels, utc_schedule
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.checks.model import markdown
from mews_assets.defs.checks.reconciliation import ledger, rooms
from mews_assets.defs.checks.reconciliation.moments import Compared
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory, load_directory
from mews_assets.lake.reading.inventory import newest_windows
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings
from mews_assets.windows import from_api, from_key

JOB = "reconcile"
OP = "compare_with_figures"
LEDGER_CHECK = "ledger_entries_agree"
ROOMS_CHECK = "stays_agree"
_SHOWN = 20
"""Places that an evaluation names; their number is stored too."""
_ROOMS_TABLES = ("reservations", "resource_blocks")


@dataclass(frozen=True)
class Reconciliation:
    """One comparison: the series that it is a check of, and the asset `against` which it holds it."""

    name: str
    series: str
    against: Callable[[Namespace], dg.AssetKey]
    description: str
    compare: Callable[[dg.DagsterInstance, Lake, Directory, Settings], Compared[Any]]
    describe: Callable[[Any, Directory, Lake], dict[str, object]]

    def key(self, namespace: Namespace) -> dg.AssetCheckKey:
        return dg.AssetCheckKey(namespace.series(self.series), self.name)


def reconciliations(settings: Settings) -> list[Reconciliation]:
    """Those whose tables this deployment fetches."""
    fetched = {table.name for table in settings.tables}
    series = {table.name for table in settings.series}
    found = []
    if LEDGER_BALANCES.name in series and LEDGER_ENTRIES.name in fetched:
        found.append(_LEDGER)
    if SERVICE_AVAILABILITY.name in series and {*_ROOMS_TABLES, "order_items", "outlet_items"} <= fetched:
        found.append(_ROOMS)
    return found


def reconciliation_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The checks, in one op."""
    made, namespace = reconciliations(settings), Namespace.of(settings)
    if not made:
        return []

    @dg.multi_asset_check(
        name=namespace.name(OP),
        specs=[
            dg.AssetCheckSpec(
                one.name,
                asset=namespace.series(one.series),
                description=one.description,
                additional_deps=[one.against(namespace)],
            )
            for one in made
        ],
        can_subset=True,
        required_resource_keys={namespace.lake_resource},
    )
    def compare(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        opened = lake_of(context, namespace).open()
        directory = load_directory(opened)
        wanted = context.op_execution_context.selected_asset_check_keys
        for one in made:
            if (key := one.key(namespace)) not in wanted:
                continue
            if directory is not None:
                found = one.compare(context.instance, opened, directory, settings)
                yield verdict(one, found, directory, opened, key.asset_key)
            else:
                yield dg.AssetCheckResult(
                    passed=False,
                    asset_key=key.asset_key,
                    check_name=one.name,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=f"No hotel is known yet: {how_to_find_hotels(namespace)}.",
                )

    return [compare]


def reconciliation_jobs(settings: Settings) -> list[Any]:
    keys = _keys(settings)
    if not keys:
        return []
    text = "Compares the lake with Mews' own figures. Sends Mews no request."
    return [asset_job(settings, JOB, dg.AssetSelection.checks(*keys), text)]


def reconciliation_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    if not reconciliations(settings):
        return []
    return [
        utc_schedule(
            settings, "reconcile_daily", "15 6 * * *", "Compares the lake with Mews' own figures.", job=JOB
        )
    ]


def without_reconciliations(selection: dg.AssetSelection, settings: Settings) -> dg.AssetSelection:
    """A selection of assets and checks, without these checks."""
    keys = _keys(settings)
    return selection - dg.AssetSelection.checks(*keys) if keys else selection


def _keys(settings: Settings) -> list[dg.AssetCheckKey]:
    namespace = Namespace.of(settings)
    return [one.key(namespace) for one in reconciliations(settings)]


def verdict(
    one: Reconciliation, found: Compared[Any], directory: Directory, lake: Lake, asset: dg.AssetKey
) -> dg.AssetCheckResult:
    """The verdict, with the largest differences and where they are: hotels by their keys."""
    differ = sorted(found.differ, key=lambda difference: abs(Decimal(difference.by)), reverse=True)
    shown = [
        one.describe(difference.where, directory, lake)
        | {
            "what": difference.what,
            "by Mews": difference.mews,
            "in the lake": difference.lake,
            "by": difference.by,
        }
        for difference in differ[:_SHOWN]
    ]
    hotels = sorted({directory.scope_keys.key_of(difference.where.scope) for difference in differ})
    return dg.AssetCheckResult(
        passed=not differ,
        asset_key=asset,
        check_name=one.name,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "differences": len(differ),
            "agree": found.agree,
            "not_compared_yet": found.not_yet,
            **(
                {"hotels": dg.MetadataValue.json(hotels[:_SHOWN]), "largest": markdown(shown)}
                if differ
                else {}
            ),
        },
    )


def _compare_ledger(
    instance: dg.DagsterInstance, lake: Lake, directory: Directory, settings: Settings
) -> Compared[ledger.Place]:
    return ledger.read_and_compare(lake, directory.scopes(ScopeKind.ENTERPRISE))


def _compare_rooms(
    instance: dg.DagsterInstance, lake: Lake, directory: Directory, settings: Settings
) -> Compared[rooms.Place]:
    scopes = directory.scopes(ScopeKind.ENTERPRISE)
    return rooms.read_and_compare(
        lake, scopes, _known_until(instance, lake, scopes, settings), settings.start.date()
    )


def _known_until(
    instance: dg.DagsterInstance, lake: Lake, scopes: list[str], settings: Settings
) -> dict[str, datetime | None]:
    """By hotel: the instant as of which the mart's counts are, where its tables had landed until then."""
    made = instance.get_latest_materialization_event(Namespace.of(settings).mart(rooms.MART))
    metadata: Mapping[str, Any] = (
        made.asset_materialization.metadata if made and made.asset_materialization else {}
    )
    if "as_of" not in metadata:
        return dict.fromkeys(scopes)
    as_of = from_api(str(metadata["as_of"].value))
    ends = [
        newest_windows(lake, table, scopes, ()) for table in settings.tables if table.name in _ROOMS_TABLES
    ]
    return {
        scope: min(as_of, *(from_key(key, lake.grain).end for key in keys if key)) if all(keys) else None
        for scope in scopes
        for keys in [[windows[scope] for windows in ends]]
    }


def _ledger_place(place: ledger.Place, directory: Directory, lake: Lake) -> dict[str, object]:
    return {"hotel": directory.scope_keys.key_of(place.scope), "day": place.day, "ledger": place.ledger}


def _rooms_place(place: rooms.Place, directory: Directory, lake: Lake) -> dict[str, object]:
    hotel, name = directory.scope_keys.key_of(place.scope), rooms.name_of(lake, place.category)
    return {"hotel": hotel, "day": place.day, "category": name, "category id": place.category}


_LEDGER = Reconciliation(
    LEDGER_CHECK,
    LEDGER_BALANCES.name,
    lambda namespace: namespace.changes(LEDGER_ENTRIES),
    "Opening balance and ledger entries make the closing balance, per hotel, ledger and day, in the last "
    f"{ledger.DAYS} days. ERROR: entries are missing in the lake, or are there twice. A day is compared once its "
    "entries have been captured after its balance was first asked for.",
    _compare_ledger,
    _ledger_place,
)
_ROOMS = Reconciliation(
    ROOMS_CHECK,
    SERVICE_AVAILABILITY.name,
    lambda namespace: namespace.mart(rooms.MART),
    "Rooms occupied, out of order and usable per hotel, category and day are as many in daily_performance_by_dimension "
    f"as by Mews' own count, in the last {rooms.DAYS} days. ERROR: stays or blocks are missing in the lake, are there "
    "twice, or are in another category. A day is compared once its figures stood when the mart was made.",
    _compare_rooms,
    _rooms_place,
)
