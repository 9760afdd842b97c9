"""A home that knows hotels by their ids goes on with them; one adoption moves it, and nothing is made anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.sensor_definition import SensorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.asset_daemon import (
    asset_daemon_cursor_from_instigator_serialized_cursor,
    asset_daemon_cursor_to_instigator_serialized_cursor,
)

from mews_assets import catalog
from mews_assets.defs.base import adoption
from mews_assets.defs.base.adoption import Adopted, adopt
from mews_assets.defs.base.conditions import AUTOMATION
from mews_assets.defs.base.moving import UnfinishedError, unmoved_scopes
from mews_assets.defs.base.partitions import join_key, keys_in, split_key
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks.latest_results import latest_results
from mews_assets_tests.defs.judging import evaluate
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import Looks, fold_run
from mews_assets_tests.defs.stage import DAYS, Stage, evaluations, materialisations
from mews_assets_tests.defs.ticks import ADD, Ticks

PAYMENTS = catalog.table("payments")
LAYERS = (PLAIN.landing(PAYMENTS), PLAIN.changes(PAYMENTS))
PARTITION = "dagster/partition"


@pytest.fixture
def old(stage: Stage) -> Stage:
    """A home as an earlier version made it: two hotels and their chain known by ids, payments landed and current."""
    stage.environment.update(MEWS_TABLES="payments", MEWS_START_DATE=DAYS[0])
    stage.save_directory()
    stage.instance.add_dynamic_partitions("enterprises", stage.enterprises)
    stage.instance.add_dynamic_partitions("chains", stage.chains)
    assert stage.run("payments", by_ids(stage)).success
    for hotel in stage.enterprises:
        assert fold_run(stage, PAYMENTS, **{PARTITION: hotel}).success
    return stage


def by_ids(stage: Stage) -> list[str]:
    return [join_key(hotel, day) for hotel in stage.enterprises for day in DAYS]


def adopted(stage: Stage) -> Adopted:
    settings = stage.settings
    return adopt(stage.instance, stage.lake, settings, [], {})


@pytest.mark.slow
def test_until_it_is_moved_a_home_goes_on_with_ids_and_nothing_is_asked_for_again(old: Stage) -> None:
    ticks, looks = Ticks(old), Looks(old)
    assert looks.look() == {}
    before = ticks.counts[ADD]
    for _ in range(2):
        assert "new: none; no longer visible: none" in ticks.discover()
        tick = ticks.tick("export_payments")
        assert tick.skip_message.startswith("nothing is due; ")
        assert (tick.run_requests, tick.asset_events) == ([], [])
    assert ticks.counts[ADD] == before
    assert looks.look() == {}
    assert old.instance.get_dynamic_partitions("enterprises") == old.enterprises
    assert old.instance.get_dynamic_partitions("chains") == old.chains
    for asset in LAYERS:
        assert old.instance.get_materialized_partitions(asset) == set(by_ids(old))
    directory = old.directory
    assert {
        scope for scopes in unmoved_scopes(old.instance, directory, PLAIN).values() for scope in scopes
    } == {
        *old.enterprises,
        *old.chains,
    }


def test_one_adoption_moves_it_without_a_request_and_nothing_is_made_anew(old: Stage) -> None:
    counts = dict(old.mews.requests()["Counts"])
    found = adopted(old)
    assert (found.moved, found.partitions, found.by_scope) == (3, len(old.keys()), 2)
    assert old.instance.get_dynamic_partitions("enterprises") == old.enterprise_keys
    assert old.instance.get_dynamic_partitions("chains") == old.chain_keys
    for asset in LAYERS:
        assert old.instance.get_materialized_partitions(asset) >= set(old.keys())
    assert Looks(old).look() == {}
    again = adopted(old)
    assert (again.moved, again.events) == (0, 0)
    assert unmoved_scopes(old.instance, old.directory, PLAIN) == {}
    assert dict(old.mews.requests()["Counts"]) == counts
    ticks = Ticks(old)
    ticks.discover()  # tells the sandbox's time
    tick = ticks.tick("export_payments")
    assert tick.skip_message.startswith("nothing is due; ") and tick.asset_events == []
    landed = old.run("payments", old.keys(days=DAYS[:1]))
    assert set(materialisations(landed, PLAIN.changes(PAYMENTS))) == set(old.keys(days=DAYS[:1]))


@pytest.mark.slow
def test_a_current_table_that_had_not_followed_its_changes_is_made_once_after_the_move(old: Stage) -> None:
    _, south = old.enterprises
    assert old.run("payments", [join_key(south, DAYS[0])]).success
    assert adopted(old).by_scope == 1
    looks = Looks(old)
    assert looks.look() == {"payments": {old.key(south)}}
    assert looks.look() == looks.look() == {}
    assert old.instance.get_materialized_partitions(PLAIN.current(PAYMENTS)) >= set(old.enterprise_keys)


@pytest.mark.slow
def test_a_check_that_failed_before_the_move_stays_red_until_the_same_partition_passes(old: Stage) -> None:
    north, _ = old.enterprises
    evaluate(old.instance, [(join_key(north, DAYS[0]), False), (None, False)])
    adopted(old)
    keys, asset = keys_in(old.instance, old.directory, old.settings.grain, PLAIN), PLAIN.changes(PAYMENTS)
    failing = old.key(north, DAYS[0])
    assert latest_results(old.instance, asset, keys).failing == {"key_unique": {failing}}
    passed = evaluations(old.run("payments", [failing]), asset)
    assert passed["key_unique", failing] and passed["key_unique", None]
    assert latest_results(old.instance, asset, keys).failing == {}


@pytest.mark.slow
def test_a_run_config_of_before_the_move_fills_the_same_partition_and_a_partition_of_before_is_refused(
    old: Stage,
) -> None:
    key = join_key(old.enterprises[0], DAYS[0])
    adopted(old)
    result = old.run("payments", [key])
    assert result.success
    assert set(materialisations(result, PLAIN.changes(PAYMENTS))) == {old.key(*split_key(key))}
    assert not old.run("payments", tags={PARTITION: key}).success, "Dagster itself knows no such partition"


@pytest.mark.slow
def test_an_adoption_that_is_killed_in_the_middle_leaves_the_home_as_it_was_until_it_is_done_again(
    old: Stage,
) -> None:
    stored = adoption.store_materialisations

    def killed(instance: dg.DagsterInstance, events: list[dg.AssetMaterialization]) -> int:
        stored(instance, events)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(adoption, "store_materialisations", killed)
        adopted(old)
    assert old.instance.get_dynamic_partitions("enterprises") == old.enterprises
    assert Looks(old).look() == {}
    found = adopted(old)
    assert (found.moved, found.partitions, found.by_scope) == (3, 0, 2)
    assert Looks(old).look() == {}


@pytest.mark.slow
def test_while_a_run_has_not_ended_nothing_is_moved(old: Stage) -> None:
    run = old.instance.create_run_for_job(
        build_definitions(old.settings).resolve_job_def("payments"), status=dg.DagsterRunStatus.STARTED
    )
    with pytest.raises(UnfinishedError, match="1 runs and 0 backfills have not ended"):
        adopted(old)
    assert old.instance.get_dynamic_partitions("enterprises") == old.enterprises
    assert old.instance.get_materialized_partitions(PLAIN.changes(PAYMENTS)) == set(by_ids(old))
    old.instance.report_run_canceled(run)
    assert adopted(old).moved == 3


@pytest.mark.slow
def test_a_hotel_that_is_gone_is_moved_too_as_far_as_it_stands(old: Stage) -> None:
    gone = "00000000-0000-4000-8000-00000000dead"
    lake = old.lake
    name = f"changes/payments/scope={old.enterprises[0]}/window={DAYS[0]}/rows.parquet"
    lake.write(name.replace(old.enterprises[0], gone), lake.read(name))
    old.instance.add_dynamic_partitions("enterprises", [gone])
    assert adopted(old).moved == 4
    assert set(old.instance.get_dynamic_partitions("enterprises")) == {
        *old.enterprise_keys,
        "enterprise-00000000",
    }


@pytest.mark.slow
def test_the_automation_sensor_looks_anew_after_the_move_and_its_evaluations_are_counted_on(
    old: Stage,
) -> None:
    def cursor_of(stage: Stage) -> AssetDaemonCursor:
        (state,) = stage.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        data: Any = state.instigator_data
        return asset_daemon_cursor_from_instigator_serialized_cursor(data.cursor, None)

    with dg.instance_for_test() as instance:
        on_disk = replace(old, instance=instance)
        instance.add_dynamic_partitions("enterprises", old.enterprises)
        looked = replace(
            AssetDaemonCursor.empty(7), last_observe_request_timestamp_by_asset_key={LAYERS[0]: 1.0}
        )
        add_sensor_state(on_disk, AUTOMATION, looked)
        assert cursor_of(on_disk) == looked
        adopted(on_disk)
        assert cursor_of(on_disk) == AssetDaemonCursor.empty(7)


def add_sensor_state(stage: Stage, name: str, cursor: AssetDaemonCursor) -> None:
    """The state that the daemon keeps of a sensor that is on."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name="mews_assets.definitions"), "mews_assets.definitions"
    )
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    text = asset_daemon_cursor_to_instigator_serialized_cursor(cursor)
    data = SensorInstigatorData(cursor=text, sensor_type=SensorType.AUTOMATION)
    stage.instance.add_instigator_state(
        InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    )
