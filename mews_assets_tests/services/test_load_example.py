"""The example that loads the lake into a warehouse: a real Postgres, merged by key, incrementally."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

pytest.importorskip("dlt")
import dagster as dg

from mews_assets import catalog
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests import ROOT
from mews_assets_tests.defs.runs import add_scopes, fold_run
from mews_assets_tests.defs.stage import DAYS, Stage, stage_of
from mews_assets_tests.services.servers import running_postgres

pytestmark = pytest.mark.services

PAYMENTS = catalog.table("payments")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(ROOT / "examples" / "postgres")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    import load  # type: ignore[import-not-found]

    yield load
    del sys.modules["load"]


@pytest.fixture
def stage(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = stage_of(mews, instance, tmp_path, monkeypatch, MEWS_TABLES="payments")
        add_scopes(made)
        yield made


def bring(stage: Stage, day: str, *scopes: str) -> None:
    """Land a day of payments of some hotels, and fold it into their current tables."""
    assert stage.run("payments", stage.keys(scopes, [day])).success
    assert fold_run(stage, PAYMENTS, scopes[0], scopes[-1]).success


def in_lake(stage: Stage) -> dict[str, dict[str, Any]]:
    """The rows of the current table by id."""
    files = stage.lake.files("current/payments", recursive=True)
    found = [pq.read_table(stage.lake.path(one), partitioning=None).to_pylist() for one in files]
    return {row["id"]: row for rows in found for row in rows}


def test_current_tables_are_merged_by_key_and_only_files_that_were_replaced_are_read(
    stage: Stage, load: ModuleType, tmp_path: Path
) -> None:
    import dlt

    north, south = stage.enterprises
    with running_postgres() as address:
        pipeline = dlt.pipeline(
            "mews_lake",
            pipelines_dir=str(tmp_path / "pipelines"),
            destination=dlt.destinations.postgres(
                address.replace("+psycopg2", "").replace("dagster@", "dagster:any@")
            ),
            dataset_name="mews",
        )
        engine = sa.create_engine(address)

        def in_postgres() -> dict[str, Any]:
            with engine.connect() as connection:
                rows = connection.execute(sa.text("SELECT id, amount__gross_value, state FROM mews.payments"))
                found = [tuple(row) for row in rows]
            assert len(found) == len({row[0] for row in found}), "a key stands twice"
            return {row[0]: row[1:] for row in found}

        def read() -> int:
            counts: dict[str, int] = load.load(stage.settings.lake, [], pipeline)
            return counts["payments"]

        bring(stage, DAYS[0], north, south)
        first = in_lake(stage)
        assert read() == len(first) > 0
        expected = {key: (row["amount"]["gross_value"], row["state"]) for key, row in first.items()}
        assert in_postgres() == expected, "money has the digits that Mews sent"

        assert read() == 0, "nothing was replaced"

        bring(stage, DAYS[1], north)
        second = in_lake(stage)
        assert len(second) > len(first)
        of_north = [row for row in second.values() if row["enterprise_id"] == north]
        assert read() == len(of_north), "the file of the other hotel is not read again"
        assert in_postgres() == {
            key: (row["amount"]["gross_value"], row["state"]) for key, row in second.items()
        }
        engine.dispose()
