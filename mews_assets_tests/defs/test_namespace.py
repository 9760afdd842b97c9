"""The prefix of all names: two groups of hotels, and a host with assets of its own, in one code location."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.alerts.delivery import targets_of
from mews_assets.catalog.model import ScopeKind
from mews_assets.component import MewsComponent
from mews_assets.defs.alerts import sensor
from mews_assets.defs.base.adoption import Adopted, adopt
from mews_assets.defs.base.partitions import keys_in
from mews_assets.defs.base.resources import LakeResource, MewsResource
from mews_assets.defs.base.run_history import may_be_writing
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks.latest_results import check_states
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import load_directory
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets.settings import read_settings
from mews_assets_tests.alerts.receivers import running_webhook
from mews_assets_tests.conftest import MEWS_NOW
from mews_assets_tests.defs.stage import DAYS, QUIET, RANGE_END, RANGE_START

LONDON, PRAGUE = Namespace(("hotels", "london"), "london"), Namespace(("prague",), "prague")
PAYMENTS = catalog.table("payments")


def test_all_names_begin_with_the_prefix() -> None:
    assert LONDON.current(PAYMENTS) == dg.AssetKey(["hotels", "london", "current", "payments"])
    assert LONDON.start_here == dg.AssetKey(["hotels", "london", "start_here"])
    assert LONDON.name("payments") == "hotels__london__payments"
    assert LONDON.scope_set(ScopeKind.CHAIN) == "hotels__london__chains"
    assert (LONDON.group("landing"), Namespace().group("landing")) == ("london__landing", "landing")


def test_a_name_is_read_back_in_its_own_namespace_only() -> None:
    longer = Namespace((*LONDON.key_prefix, "east"))
    for namespace in (LONDON, PRAGUE, longer):
        asset, name = namespace.changes(PAYMENTS), namespace.name("marts__daily_revenue")
        others = {LONDON, PRAGUE, longer} - {namespace}
        assert (namespace.own_asset(asset), namespace.own_name(name)) == (
            "changes/payments",
            "marts__daily_revenue",
        )
        assert {(other.own_asset(asset), other.own_name(name)) for other in others} == {(None, None)}
    assert Namespace().own_asset(dg.AssetKey("sales")) == "sales", "without a prefix nothing is a host's"
    assert LONDON.own_asset(dg.AssetKey(["hotels", "london"])) is None


def component(name: Namespace, folder: Path, mews: RunningSandbox, **attributes: Any) -> MewsComponent:
    return MewsComponent(
        start_date="2025-03-07",
        lake=str(folder / name.key_prefix[-1]),
        platform_address=mews.address,
        client_token_variable=f"{name.key_prefix[-1]}_CLIENT".upper(),
        connections=(
            {"name": "all", "access_token_variable": f"{name.key_prefix[-1]}_ACCESS".upper()},  # type: ignore[arg-type]
        ),
        tables=("payments", "order_items"),
        fetch="payments=pages",
        key_prefix="/".join(name.key_prefix),
        group_prefix=name.group_prefix,
        **attributes,
    )


class Nothing(dg.ConfigurableResource[Any]):
    """A resource of the host."""


def host() -> dg.Definitions:
    """Definitions of somebody else, with the names that ours have without a prefix."""

    @dg.asset(
        key=["current", "payments"],
        group_name="current",
        partitions_def=dg.DynamicPartitionsDefinition(name="enterprises"),
        automation_condition=dg.AutomationCondition.eager(),
    )
    def payments(lake: Nothing) -> None: ...

    @dg.op
    def pull_payments() -> None: ...

    @dg.job(name="payments")
    def job() -> None:
        pull_payments()

    @dg.sensor(name="discovery", job=job)
    def discovery() -> None: ...

    return dg.Definitions(
        assets=[payments],
        jobs=[job],
        sensors=[discovery],
        schedules=[dg.ScheduleDefinition(name="reference_daily", job=job, cron_schedule="0 5 * * *")],
        resources={"lake": Nothing(), "mews": Nothing()},
        executor=dg.multiprocess_executor,
    )


class Both:
    """The two components and the host, in one code location and one instance."""

    def __init__(
        self, instance: dg.DagsterInstance, folder: Path, london: RunningSandbox, prague: RunningSandbox
    ) -> None:
        made = {LONDON: component(LONDON, folder, london), PRAGUE: component(PRAGUE, folder, prague)}
        self.instance = instance
        self.settings = {name: one.read_settings() for name, one in made.items()}
        own = [build_definitions(settings, executor=None) for settings in self.settings.values()]
        self.definitions = dg.Definitions.merge(*own, host())

    def lake(self, name: Namespace) -> Lake:
        return open_lake(self.settings[name].lake, self.settings[name].grain)

    def scopes(self, name: Namespace) -> list[str]:
        return list(self.instance.get_dynamic_partitions(name.scope_set(ScopeKind.ENTERPRISE)))

    def run(self, job: str) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance, run_config={"loggers": QUIET}, raise_on_error=False
        )

    def materialise(self, *keys: dg.AssetKey, first: str, last: str) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=keys,
            run_config={"loggers": QUIET},
            tags={RANGE_START: first, RANGE_END: last},
            raise_on_error=False,
        )

    def fill(self, name: Namespace) -> None:
        """Find the hotels, land one day of payments of each, and bring the current table up to it."""
        assert self.run(name.name("enterprises")).success
        scopes = self.scopes(name)
        windows = [name.landing(PAYMENTS), name.changes(PAYMENTS)]
        first, last = f"{scopes[0]}|{DAYS[0]}", f"{scopes[-1]}|{DAYS[0]}"
        assert self.materialise(*windows, first=first, last=last).success
        assert self.materialise(name.current(PAYMENTS), first=scopes[0], last=scopes[-1]).success


@pytest.fixture(scope="module")
def both(_mews: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both with their hotels found, a day of payments landed, and the current tables made."""
    of_prague = running_sandbox(
        Simulated(hotels=1, days=3, seed=5), now=MEWS_NOW, limits=ServerLimits(requests=10_000)
    )
    with (
        of_prague as prague,
        dg.DagsterInstance.ephemeral() as instance,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, sandbox in ((LONDON, _mews), (PRAGUE, prague)):
            city = name.key_prefix[-1].upper()
            patch.setenv(f"{city}_CLIENT", sandbox.client_token)
            patch.setenv(f"{city}_ACCESS", sandbox.access_token)
        made = Both(instance, tmp_path_factory.mktemp("lakes"), _mews, prague)
        for name in (LONDON, PRAGUE):
            made.fill(name)
        yield made


def test_two_components_load_beside_assets_jobs_and_resources_of_the_same_names(both: Both) -> None:
    dg.Definitions.validate_loadable(both.definitions)
    plain = replace(both.settings[LONDON], key_prefix=(), group_prefix="")
    with pytest.raises(dg.DagsterInvariantViolationError, match="different resources with same key"):
        dg.Definitions.merge(build_definitions(plain, executor=None), both.definitions)


def test_nothing_is_named_without_the_prefix() -> None:
    settings = read_settings(
        {
            "MEWS_START_DATE": "2025-03-07",
            "MEWS_TABLES": ",".join(table.name for table in catalog.TABLES),
            "MEWS_PUBLISH": "delta",
            "MEWS_LANDING_DAYS": "30",
            "MEWS_RUN_DAYS": "30",
            "MEWS_KEY_PREFIX": "hotels/london",
        }
    )
    definitions = build_definitions(settings)
    repository = definitions.get_repository_def()
    nodes = list(repository.asset_graph.asset_nodes)
    assert len(nodes) > 80
    assert [node.key for node in nodes if node.key.path[:2] != ["hotels", "london"]] == []
    jobs = [job for job in repository.get_all_jobs() if not job.name.startswith("__")]
    names = [
        *(one.name for one in (*jobs, *repository.schedule_defs, *repository.sensor_defs)),
        *(step.name for job in repository.get_all_jobs() for step in job.nodes),
        *(node.group_name for node in nodes),
        *(pool for node in nodes for pool in node.pools or ()),
        *(definitions.resources or {}),
        *(scope_set.name for node in nodes for scope_set in scope_sets(node.partitions_def)),
        *(job.tags["mews/table"] for job in jobs if "mews/table" in job.tags),
    ]
    assert [name for name in names if not str(name).startswith("hotels__london__")] == []
    assert {"hotels__london__enterprises", "hotels__london__chains", "hotels__london__lake"} <= set(names)


def scope_sets(partitions: dg.PartitionsDefinition[Any] | None) -> list[dg.DynamicPartitionsDefinition]:
    """The dynamic sets of partitions that a definition uses."""
    is_multi = isinstance(partitions, dg.MultiPartitionsDefinition)
    parts = [one.partitions_def for one in partitions.partitions_defs] if is_multi else [partitions]
    return [one for one in parts if isinstance(one, dg.DynamicPartitionsDefinition)]


def test_each_group_of_hotels_has_its_own_lake_partitions_checks_and_automation(both: Both) -> None:
    assert (len(both.scopes(LONDON)), len(both.scopes(PRAGUE))) == (2, 1)
    assert both.instance.get_dynamic_partitions("enterprises") == []
    for name in (LONDON, PRAGUE):
        scopes = both.scopes(name)
        assert both.instance.get_materialized_partitions(name.current(PAYMENTS)) == set(scopes)
        files = both.lake(name).files("current/payments", recursive=True)
        rows = [pq.read_table(both.lake(name).path(file), partitioning=None).num_rows for file in files]
        assert len(rows) == len(scopes) and sum(rows) > 0
    result = both.run(PRAGUE.name("freshness"))
    assert {
        event.asset_check_evaluation_data.asset_key
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    } == {PRAGUE.changes(PAYMENTS), PRAGUE.changes(catalog.table("order_items"))}
    sensors = both.definitions.get_repository_def().sensor_defs
    targets = {
        one.name: one.asset_selection.resolve(both.definitions.resolve_asset_graph())
        for one in sensors
        if isinstance(one, dg.AutomationConditionSensorDefinition) and one.name.endswith("automation")
    }
    assert {name: {key.path[0] for key in keys} for name, keys in targets.items()} == {
        LONDON.name("automation"): {"hotels"},
        PRAGUE.name("automation"): {"prague"},
    }
    assert {asset.path[0] for asset in both.instance.all_asset_keys()} == {"hotels", "prague"}


def test_sensors_find_and_launch_their_own_runs(both: Both) -> None:
    """What London's sensors see and ask for is London's, whatever Prague's runs did."""
    repository = both.definitions.get_repository_def()

    def tick(name: Namespace, sensor_name: str) -> Any:
        settings = both.settings[name]
        context = dg.build_sensor_context(
            instance=both.instance,
            repository_def=repository,
            sensor_name=name.name(sensor_name),
            resources={
                name.mews_resource: MewsResource.of(settings),
                name.lake_resource: LakeResource.of(settings),
            },
        )
        return repository.get_sensor_def(name.name(sensor_name)).evaluate_tick(context)

    assert "2 enterprises" in str(tick(LONDON, "discovery").skip_message)
    assert "1 enterprises" in str(tick(PRAGUE, "discovery").skip_message)
    own = PRAGUE.name("payments")
    going = both.instance.create_run_for_job(
        both.definitions.resolve_job_def(own), status=dg.DagsterRunStatus.STARTED, tags={"mews/table": own}
    )
    assert "is going" in str(tick(PRAGUE, "pages_payments").skip_message)
    (request,) = tick(LONDON, "pages_payments").run_requests
    both.instance.delete_run(going.run_id)
    assert request.tags["mews/table"] == LONDON.name("payments")
    job = both.definitions.resolve_job_def(LONDON.name("payments"))
    done = job.execute_in_process(
        instance=both.instance,
        run_config={**request.run_config, "loggers": QUIET},
        tags=dict(request.tags),
        raise_on_error=False,
    )
    assert done.success
    landed = both.instance.get_materialized_partitions(LONDON.changes(PAYMENTS))
    assert {key.split("|")[1] for key in landed} == {"2025-03-07", *DAYS}
    assert tick(LONDON, "pages_payments").run_requests == []


def test_alerts_and_the_check_column_of_status_are_of_their_own_hotels(both: Both) -> None:
    failing = f"{both.scopes(LONDON)[0]}|{DAYS[0]}"
    unknown = "nowhere-00000000"
    with running_webhook() as webhook:

        def tick(name: Namespace) -> str:
            settings = replace(both.settings[name], ui_url="https://dagster.example.com")
            targets = targets_of(webhook.url)
            return sensor.Tick(both.instance, both.lake(name), settings, targets, lambda _: None).run()

        for name in (LONDON, PRAGUE):
            tick(name)
        both.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(LONDON.changes(PAYMENTS), "key_unique", passed=False, partition=failing)
        )
        both.instance.add_dynamic_partitions(LONDON.scope_set(ScopeKind.ENTERPRISE), [unknown])
        window = f"{unknown}|{DAYS[0]}"
        windows = (LONDON.landing(PAYMENTS), LONDON.changes(PAYMENTS))
        assert not both.materialise(*windows, first=window, last=window).success
        both.instance.delete_dynamic_partition(LONDON.scope_set(ScopeKind.ENTERPRISE), unknown)
        assert tick(PRAGUE).startswith("0 open incidents") and webhook.received == []
        assert tick(LONDON).startswith("2 open incidents")
        told = str(webhook.received)
        assert "payments: key_unique fails" in told and "payments: a run failed" in told
        assert "https://dagster.example.com/assets/hotels/london/changes/payments?view=checks" in told
    for name, failing_windows in ((LONDON, 1), (PRAGUE, 0)):
        directory = load_directory(both.lake(name))
        assert directory is not None
        keys = keys_in(both.instance, directory, both.settings[name].grain, name)
        states = check_states(both.instance, PAYMENTS, directory.scopes(PAYMENTS.scope), keys, name)
        assert sum(state.count for state in states.values()) == failing_windows


def test_a_run_over_assets_of_others_does_not_hold_back_reporting(both: Both) -> None:
    unfinished = both.instance.create_run_for_job(
        both.definitions.resolve_implicit_global_asset_job_def(),
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset({LONDON.current(PAYMENTS)}),
    )
    assert unfinished.asset_selection
    assert may_be_writing(both.instance, [PAYMENTS], LONDON)
    assert not may_be_writing(both.instance, [PAYMENTS], PRAGUE)


def test_a_lake_is_adopted_under_the_prefix_that_the_settings_name_now(both: Both) -> None:
    moved = replace(both.settings[PRAGUE], key_prefix=("brno",), group_prefix="brno")
    brno = Namespace.of(moved)
    adopted = adopt(both.instance, both.lake(PRAGUE), moved, [], {})
    assert isinstance(adopted, Adopted) and adopted.partitions == 1
    assert both.scopes(brno) == both.scopes(PRAGUE)
    for key in (brno.landing(PAYMENTS), brno.changes(PAYMENTS), brno.current(PAYMENTS)):
        assert len(both.instance.get_materialized_partitions(key)) == 1
    assert adopt(both.instance, both.lake(PRAGUE), moved, [], {}).events == 0
