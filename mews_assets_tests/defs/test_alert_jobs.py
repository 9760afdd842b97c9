"""Every job of the project: a failed run is told, is over after a good run of the same, and is told again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.alerts.run_facts import PARTITION_TAG, asset_of_step
from mews_assets.defs.base.run_tags import FIRST_DAY_TAG, LAST_DAY_TAG, NAMES_TAG
from mews_assets.defs.build import build_definitions
from mews_assets.lake.storage import layout
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import DAYS, QUIET, Stage
from mews_assets_tests.defs.watch import Watch

PAYMENTS, ORDER_ITEMS = catalog.table("payments"), catalog.table("order_items")
Ran = dg.ExecuteInProcessResult


def together(stage: Stage, keys: list[dg.AssetKey], **tags: str) -> Ran:
    """A run of some assets, as the automation sensor launches it: of no job of ours."""
    return (
        build_definitions(stage.settings)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=stage.instance,
            asset_selection=keys,
            run_config={"loggers": QUIET},
            tags=tags,
            raise_on_error=False,
        )
    )


def blocked(stage: Stage, name: str) -> Path:
    """A folder where a file of the lake is to be written: whoever writes it fails."""
    there = Path(stage.lake.path(name))
    there.unlink(missing_ok=True)
    (there / "in the way").mkdir(parents=True, exist_ok=True)
    return there


def freed(stage: Stage, name: str) -> None:
    there = Path(stage.lake.path(name))
    (there / "in the way").rmdir()
    there.rmdir()


@dataclass(frozen=True)
class Case:
    """One job: how it is broken and mended, how it runs, and what the title calls it."""

    breaks: Callable[[Stage], object]
    mends: Callable[[Stage], object]
    runs: Callable[[Stage], Ran]
    told: str


def _refused(operation: str) -> Callable[[Stage], object]:
    return lambda stage: stage.mews.plan_fault(operation, status=403)


def _reset(stage: Stage) -> None:
    stage.mews.reset()


def _unreadable(stage: Stage) -> None:
    stage.lake.write(layout.directory_file(), b"no json")


def _discovered(stage: Stage) -> None:
    stage.lake.delete(layout.directory_file())
    assert stage.run("enterprises").success


CASES = {
    "current by its job": Case(
        lambda stage: blocked(stage, layout.current_file("payments", stage.enterprises[0])),
        lambda stage: freed(stage, layout.current_file("payments", stage.enterprises[0])),
        lambda stage: fold_run(stage, PAYMENTS, stage.enterprises[0]),
        "current/payments",
    ),
    "current by automation": Case(
        lambda stage: blocked(stage, layout.current_file("payments", stage.enterprises[0])),
        lambda stage: freed(stage, layout.current_file("payments", stage.enterprises[0])),
        lambda stage: together(
            stage, [PLAIN.current(PAYMENTS)], **{PARTITION_TAG: stage.key(stage.enterprises[0])}
        ),
        "current/payments",
    ),
    "enterprises": Case(
        _refused("enterprises/getAll"), _reset, lambda stage: stage.run("enterprises"), "enterprises"
    ),
    "one reference of all": Case(
        _refused("outlets/getAll"), _reset, lambda stage: stage.run("reference"), "outlets"
    ),
    "the SQL catalog": Case(
        lambda stage: blocked(stage, layout.catalog_file()),
        lambda stage: freed(stage, layout.catalog_file()),
        lambda stage: together(stage, [PLAIN.sql_catalog]),
        "sql/catalog",
    ),
    "snapshot": Case(
        _refused("exports/add"),
        _reset,
        lambda stage: snapshot_run(stage, PAYMENTS, *stage.enterprises),
        "snapshot/payments",
    ),
    "freshness": Case(_unreadable, _discovered, lambda stage: stage.run("freshness"), "freshness"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_failed_run_is_over_after_a_good_one_of_the_same_and_told_again_when_it_fails_again(
    watch: Watch, case: Case
) -> None:
    stage = watch.stage
    stage.environment["MEWS_TABLES"] = "payments,order_items"
    add_scopes(stage)
    assert stage.run("enterprises").success
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    titles: list[list[str]] = []
    watch.tick()
    watch.titles()
    for _ in range(2):
        case.breaks(stage)
        assert not case.runs(stage).success
        watch.tick()
        titles.append(_of_runs(watch))
        case.mends(stage)
        assert case.runs(stage).success
        watch.tick()
        titles.append(_of_runs(watch))
    assert [one[:1] for one in titles] == [one[:1] for one in titles[:2]] * 2
    assert len(titles[0]) == len(titles[1]) == 1, titles
    assert titles[0][0].startswith(f"FAILED {case.told}: a run failed")
    assert titles[1][0].startswith(f"RESOLVED {case.told}: ")


def _of_runs(watch: Watch) -> list[str]:
    return [one for one in watch.titles() if "a run" in one or "a later run" in one]


@pytest.mark.slow
def test_a_good_run_of_one_hotel_does_not_end_what_failed_for_another(watch: Watch) -> None:
    stage = watch.stage
    add_scopes(stage)
    north, south = stage.enterprises
    assert stage.run("payments", stage.keys([north], DAYS[:1])).success
    assert not fold_run(stage, PAYMENTS, north, south).success
    watch.tick()
    assert watch.titles() == ["FAILED current/payments: a run failed, 1 hotel"]
    assert fold_run(stage, PAYMENTS, north).success
    watch.tick()
    assert watch.titles() == []
    assert stage.run("payments", stage.keys([south], DAYS[:1])).success
    watch.tick()
    assert watch.titles() == [], "that windows landed says nothing of the current table"
    assert fold_run(stage, PAYMENTS, south).success
    watch.tick()
    assert watch.titles() == ["RESOLVED current/payments: what a run could not do has been done"]


@pytest.mark.slow
def test_a_run_of_several_tables_tells_of_each_that_failed_and_ends_each_alone(watch: Watch) -> None:
    stage = watch.stage
    stage.environment["MEWS_TABLES"] = "payments,order_items"
    add_scopes(stage)
    north = stage.enterprises[0]
    tags = {PARTITION_TAG: stage.key(north)}
    keys = [PLAIN.current(PAYMENTS), PLAIN.current(ORDER_ITEMS)]
    assert not together(stage, keys, **tags).success
    watch.tick()
    assert sorted(watch.titles()) == [
        "FAILED current/order_items: a run failed, 1 hotel",
        "FAILED current/payments: a run failed, 1 hotel",
    ]
    assert stage.run("payments", stage.keys([north], DAYS[:1])).success
    assert not together(stage, keys, **tags).success
    watch.tick()
    assert watch.titles() == ["RESOLVED current/payments: what a run could not do has been done"]


@pytest.mark.slow
def test_a_killed_run_of_current_tables_is_over_with_the_next_good_one(watch: Watch) -> None:
    stage = watch.stage
    add_scopes(stage)
    north = stage.enterprises[0]
    job = build_definitions(stage.settings).resolve_job_def("current_payments")
    run = stage.instance.create_run_for_job(
        job, tags={PARTITION_TAG: stage.key(north)}, status=dg.DagsterRunStatus.STARTED
    )
    stage.instance.report_run_failed(run, "the process was killed")
    watch.tick()
    assert watch.titles() == ["FAILED current/payments: a run failed, 1 hotel"]
    assert stage.run("payments", stage.keys([north], DAYS[:1])).success
    assert fold_run(stage, PAYMENTS, north).success
    watch.tick()
    assert watch.titles() == ["RESOLVED current/payments: what a run could not do has been done"]


def test_a_killed_run_that_names_no_partition_is_told_with_its_hotels_and_days(watch: Watch) -> None:
    job = build_definitions(watch.stage.settings).resolve_job_def("payments")
    tags = {NAMES_TAG[ScopeKind.ENTERPRISE]: "Hotel North, Hotel South"}
    tags |= {FIRST_DAY_TAG: "2026-03-01", LAST_DAY_TAG: "2026-03-07"}
    run = watch.stage.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)
    watch.stage.instance.report_run_failed(run, "the process was killed")
    watch.tick()
    (message,) = watch.webhook.received
    assert "It was to make Hotel North, Hotel South, 2026-03-01 to 2026-03-07." in str(message)


def test_what_a_mart_failed_on_is_not_over_with_another_mart(watch: Watch) -> None:
    stage = watch.stage
    names = ("daily_revenue", "ledger_trial_balance")

    @dg.op(name=f"marts__{names[0]}")
    def breaks() -> None:
        raise RuntimeError("anything")

    @dg.job(name="marts")
    def marts() -> None:
        breaks()

    marts.execute_in_process(instance=stage.instance, raise_on_error=False)
    watch.tick()
    assert watch.titles() == ["FAILED daily_revenue: a run failed"]
    for name in reversed(names):
        made = dg.AssetMaterialization(dg.AssetKey(["marts", name]))

        @dg.op(name=f"marts__{name}")
        def works(context) -> None:  # type: ignore[no-untyped-def]
            context.log_event(made)  # noqa: B023 - run before the next one is made

        @dg.job(name="marts")
        def again() -> None:
            works()

        assert again.execute_in_process(instance=stage.instance).success
        watch.tick()
        over = ["RESOLVED daily_revenue: a later run succeeded"] if name == names[0] else []
        assert watch.titles() == over


def test_every_current_table_has_a_step_whose_asset_is_known() -> None:
    assert {asset_of_step(f"fold_{table.name}") for table in catalog.TABLES} == {
        f"current/{table.name}" for table in catalog.TABLES
    }
    assert asset_of_step("expire_landing") == asset_of_step("fresh_per_scope") == ""
