"""The report: the asset `report`, one HTML file of the marts' figures and plots, made once a day after them.

Lives here: the asset with its job and schedule, and what goes into a report. They exist where the extra `report` is
installed. Not here: writing the file (`html_report`). The events of landing and changes are in `report`.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import dagster as dg

from mews_assets.defs.assets.marts import wanted_marts
from mews_assets.defs.base.asset_specs import OWNERS
from mews_assets.defs.base.jobs import asset_job, how_to_find_hotels, utc_schedule
from mews_assets.defs.base.metadata_keys import size_text
from mews_assets.defs.base.resources import lake_of
from mews_assets.defs.checks.overview import check_lines, freshness_lines
from mews_assets.defs.namespace import START_HERE, Namespace
from mews_assets.html_report.model import ReportHotel, ReportInputs
from mews_assets.ingest.directory import load_directory
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.settings import Settings

if TYPE_CHECKING:
    from mews_assets.html_report.model import WrittenReport

REPORT_JOB = "html_report"
"""Not `report`: a job may not have the name of an op, and the asset has it."""
_NO_CHECKS = "Checks are not shown: no Dagster home is set."


def is_installed() -> bool:
    """Whether the packages of the extra `report` are there."""
    return find_spec("plotly") is not None


def make_report(
    lake: Lake,
    settings: Settings,
    checks: Collection[dg.AssetCheckKey],
    instance: dg.DagsterInstance | None,
    now: datetime,
) -> "WrittenReport":
    """Write the report, with the latest results of the checks. Without an instance it shows none."""
    from mews_assets.html_report.page import write_report

    return write_report(lake, report_inputs(lake, settings, checks, instance, now))


def report_inputs(
    lake: Lake,
    settings: Settings,
    checks: Collection[dg.AssetCheckKey],
    instance: dg.DagsterInstance | None,
    now: datetime,
) -> ReportInputs:
    """What the report shows besides the marts. Raises LakeError where no hotel is known."""
    directory = load_directory(lake)
    if directory is None:
        raise LakeError(
            f"{settings.lake} has no list of hotels yet: {how_to_find_hotels(Namespace.of(settings))}"
        )
    marts = wanted_marts(settings)
    key_of = directory.scope_keys.key_of
    hotels = [
        ReportHotel(one.id, key_of(one.id), one.name, (one.id, one.chain_id))
        for one in directory.enterprises.values()
    ]
    mews_now = now + timedelta(seconds=directory.clock_skew_seconds)
    return ReportInputs(
        marts,
        tuple(sorted(hotels, key=lambda hotel: (hotel.name.casefold(), hotel.key))),
        tuple(freshness_lines(lake, settings, directory, mews_now)),
        tuple(check_lines(instance, settings, directory, checks)) if instance is not None else (),
        now,
        _marts_url(settings),
        "" if instance is not None else _NO_CHECKS,
    )


def _marts_url(settings: Settings) -> str:
    """Where the marts' pages are in the UI; empty where its address is not known."""
    folder = "/".join(Namespace.of(settings).mart("any").path[:-1])
    return f"{settings.ui_url}/assets/{folder}" if settings.ui_url else ""


def report_assets(settings: Settings, checks: Collection[dg.AssetCheckKey]) -> list[dg.AssetsDefinition]:
    """The asset, where there are marts to show; `checks` are those whose results it shows."""
    return [_asset(settings, checks)] if has_report(settings) else []


def report_jobs(settings: Settings) -> list[Any]:
    if not has_report(settings):
        return []
    return [
        asset_job(
            settings,
            REPORT_JOB,
            dg.AssetSelection.assets(Namespace.of(settings).report),
            "Writes the HTML report of the marts as they are now.",
        )
    ]


def report_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Half an hour after the marts; of its own, so that one mart that fails does not stop the report."""
    if not has_report(settings):
        return []
    return [
        utc_schedule(
            settings,
            "report_daily",
            "0 6 * * *",
            "Writes the HTML report once a day, after the marts.",
            job=REPORT_JOB,
        )
    ]


def link_text(settings: Settings) -> str:
    """Where the report is opened, for descriptions."""
    file = f"{settings.lake.rstrip('/')}/{layout.report_file()}"
    if settings.report_url:
        return f"[Open the report]({settings.report_url}) (the file `{file}`)"
    return f"Open the file `{file}` in a browser"


def has_report(settings: Settings) -> bool:
    """Whether the asset exists: its packages are installed, and there are marts to show."""
    return is_installed() and bool(wanted_marts(settings))


def _asset(settings: Settings, checks: Collection[dg.AssetCheckKey]) -> dg.AssetsDefinition:
    namespace = Namespace.of(settings)

    @dg.asset(
        key=namespace.report,
        deps=[namespace.mart(mart.name) for mart in wanted_marts(settings)],
        description=f"{link_text(settings)}.\n\nFigures and plots of all marts, hotel by hotel; freshness of every "
        "table; the last checks. One HTML file that needs no network, made once a day. Personal data is never in it.",
        group_name=namespace.group(START_HERE),
        kinds={"html"},
        owners=OWNERS,
        required_resource_keys={namespace.lake_resource},
        metadata={"dagster/uri": f"{settings.lake.rstrip('/')}/{layout.report_file()}"},
    )
    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        made = make_report(
            lake_of(context, namespace).open(), settings, checks, context.instance, datetime.now(UTC)
        )
        context.log.info(
            "%s: %s, %d hotels, %d marts", made.uri, size_text(made.size_bytes), made.hotels, made.marts
        )
        return dg.MaterializeResult(
            metadata={
                **({"open": dg.MetadataValue.url(settings.report_url)} if settings.report_url else {}),
                "file": dg.MetadataValue.path(made.uri),
                "size": size_text(made.size_bytes),
                "hotels": made.hotels,
                "hotels_left_out": made.hotels_left_out,
                "marts": made.marts,
                "marts_not_made_yet": dg.MetadataValue.json(list(made.marts_missing)),
            }
        )

    return report
