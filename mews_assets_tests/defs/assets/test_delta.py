"""Delta tables in Dagster: published where the setting says so, by hotel, and nothing of it otherwise."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from deltalake import DeltaTable

from mews_assets import catalog
from mews_assets.defs.assets.delta import MAINTENANCE_JOB, published
from mews_assets.defs.build import build_definitions
from mews_assets.marts import MARTS
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import SettingError, read_settings
from mews_assets.table_settings import STANDARD_REFERENCES
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import fold_run
from mews_assets_tests.defs.stage import QUIET, RANGE_END, RANGE_START, Stage, stage_of

PAYMENTS = catalog.table("payments")
START = {"MEWS_START_DATE": "2025-03-07"}


def publish_run(stage: Stage, *scopes: str) -> dg.ExecuteInProcessResult:
    return (
        build_definitions(stage.settings)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=stage.instance,
            asset_selection=[dg.AssetKey(["delta", "payments"])],
            run_config={"loggers": QUIET},
            tags={RANGE_START: stage.key(scopes[0]), RANGE_END: stage.key(scopes[-1])},
            raise_on_error=False,
        )
    )


def test_nothing_is_published_unless_the_setting_says_so() -> None:
    definitions = build_definitions(read_settings(START))
    assert not [
        key for key in definitions.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "delta"
    ]
    assert MAINTENANCE_JOB not in {job.name for job in definitions.resolve_all_job_defs()}


def test_every_current_reference_and_mart_table_is_published_below_its_source() -> None:
    settings = read_settings({**START, "MEWS_PUBLISH": "delta", "MEWS_LAKE": "/srv/lake"})
    definitions = build_definitions(settings)
    graph = definitions.resolve_asset_graph()
    found = published(settings)
    assert len(found) == len(catalog.tables()) + len(STANDARD_REFERENCES) + len(MARTS)
    for one in found:
        node = graph.get(one.key)
        assert node.parent_keys == {one.source}
        assert node.automation_condition is not None
        assert node.metadata["dagster/uri"] == f"/srv/lake-delta/{one.name}"
    payments = graph.get(dg.AssetKey(["delta", "payments"]))
    assert payments.parent_keys == {PLAIN.current(PAYMENTS)}
    assert payments.partitions_def == dg.DynamicPartitionsDefinition(name=PLAIN.scope_set(PAYMENTS.scope))
    assert MAINTENANCE_JOB in {job.name for job in definitions.resolve_all_job_defs()}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"MEWS_PUBLISH": "iceberg"}, "MEWS_PUBLISH is 'iceberg'; accepted is delta"),
        ({"MEWS_PUBLISH": "delta", "MEWS_DELTA": "ftp://x/y"}, "MEWS_DELTA is"),
        ({"MEWS_PUBLISH": "delta", "MEWS_DELTA": "data/lake/"}, "the lake itself"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_sentence(given: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        read_settings({**START, **given})


def test_a_run_over_hotels_is_one_transaction_and_an_older_version_can_be_read(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        stage = stage_of(mews, instance, tmp_path, monkeypatch, MEWS_PUBLISH="delta")
        north, south = stage.enterprises
        assert stage.run("enterprises").success
        assert stage.run("payments", stage.keys()).success
        assert fold_run(stage, PAYMENTS, north, south).success
        result = publish_run(stage, north, south)
        assert result.success
        uri = str(tmp_path / "lake-delta" / "payments")
        table = DeltaTable(uri)
        rows = table.to_pyarrow_table()
        assert table.version() == 1  # version 0 made the empty table
        assert set(rows["scope"].to_pylist()) == {north, south}
        events = [event.materialization for event in result.all_events if event.is_step_materialization]
        assert {event.metadata["dagster/row_count"].value for event in events} == {rows.num_rows}
        assert publish_run(stage, south).success
        assert DeltaTable(uri).version() == 2
        assert DeltaTable(uri, version=1).to_pyarrow_table().num_rows == rows.num_rows
