"""Everything on a lake in an object store: the runs of Dagster that fill it, Delta tables beside it, and the commands
that look into it and change it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

pytest.importorskip("moto")
from deltalake import DeltaTable

from mews_assets import catalog
from mews_assets.catalog.model import ScopeKind
from mews_assets.cli import main
from mews_assets.defs.build import build_definitions
from mews_assets.defs.local import launch
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_standing
from mews_assets.sandbox.running import RunningSandbox, Simulated, running_sandbox
from mews_assets.settings import read_settings
from mews_assets_tests import ROOT
from mews_assets_tests.services.machines import LAKE, objects_with
from mews_assets_tests.services.s3 import BUCKET, running_s3

pytestmark = pytest.mark.services

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
TABLES = ("customers", "reservations", "order_items", "payments")
DELTA = f"s3://{BUCKET}/delta"


@pytest.fixture(scope="module")
def mews() -> Iterator[RunningSandbox]:
    with running_sandbox(Simulated(hotels=2, days=4), now=NOW) as started:
        yield started


@pytest.fixture
def elsewhere(mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A lake's address in an empty bucket, a Dagster home, and no folder that a lake could be in."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "dagster.yaml", home)
    before = dict(os.environ)
    with running_s3() as server:
        os.environ.update(
            server.environment,
            AWS_ALLOW_HTTP="true",
            DAGSTER_HOME=str(home),
            MEWS_PLATFORM_ADDRESS=mews.address,
            MEWS_CLIENT_TOKEN=mews.client_token,
            MEWS_ACCESS_TOKEN=mews.access_token,
            MEWS_TABLES=",".join(TABLES),
            MEWS_START_DATE="2024-06-12",
            MEWS_LAKE=LAKE,
            MEWS_PUBLISH="delta",
            MEWS_DELTA=DELTA,
        )
        yield
    os.environ.clear()
    os.environ.update(before)


def fill() -> None:
    """The runs of a first day: hotels, references, tables, current tables, marts, SQL views, Delta tables."""
    runs = [launch.discover_scopes(), launch.refresh_reference()]
    runs += [launch.materialise_due(table, NOW) for table in TABLES]
    runs += [launch.make_current(kind) for kind in (ScopeKind.ENTERPRISE, ScopeKind.CHAIN)]
    runs += [launch.make_marts(), launch.write_sql_catalog()]
    assert [(run.job, run.problem) for run in runs if not run.succeeded] == []
    definitions = build_definitions(read_settings(os.environ))
    published = [key for key in definitions.resolve_all_asset_keys() if key.path[0] == "delta"]
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        assert published
        for key in published:
            scopes = definitions.get_assets_def(key).partitions_def
            keys = scopes.get_partition_keys(dynamic_partitions_store=instance) if scopes else [None]
            for one in keys:
                assert job.execute_in_process(
                    instance=instance, asset_selection=[key], partition_key=one, raise_on_error=False
                ).success, (key, one)


def asked(query: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["sql", "--json", query]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("elsewhere")
def test_a_lake_in_a_bucket_is_filled_read_and_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill()
    lake = open_standing(LAKE)
    (row,) = asked(
        "SELECT count(*) AS rows, count(DISTINCT scope) AS hotels FROM current.order_items", capsys
    )
    assert row["hotels"] == 2
    assert asked("SELECT count(*) AS rows FROM reference.services", capsys)[0]["rows"] > 0
    marts = [name for name in lake.folders(layout.MARTS) if lake.exists(layout.mart_file(name))]
    assert "lead_time_and_length_of_stay" in marts
    assert asked("SELECT count(*) AS rows FROM marts.lead_time_and_length_of_stay", capsys)[0]["rows"] > 0
    assert DeltaTable(f"{DELTA}/order_items").to_pyarrow_table().num_rows == row["rows"]
    assert DeltaTable(f"{DELTA}/lead_time_and_length_of_stay").to_pyarrow_table().num_rows > 0

    assert main(["status", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["tables"]
    assert {line["missing"] for line in lines} == {0}

    (guest, *_) = asked("SELECT id, last_name, email FROM current.customers WHERE email IS NOT NULL", capsys)
    assert objects_with(lake, str(guest["email"]).encode())
    assert main(["forget", "--customer", str(guest["id"])]) == 0
    assert objects_with(lake, str(guest["email"]).encode()) == []
    delta = DeltaTable(f"{DELTA}/customers").to_pyarrow_table()
    assert guest["email"] not in delta.column("email").to_pylist()

    os.environ["MEWS_PII"] = "drop"
    assert main(["repolicy"]) == 0
    assert asked("SELECT count(email) AS emails FROM current.customers", capsys) == [{"emails": 0}]

    landed = [name for table in TABLES for name in lake.files(layout.landing_folder(table), recursive=True)]
    os.environ["MEWS_LANDING_DAYS"] = "30"
    assert main(["expire"]) == 0
    left = [name for name in lake.files("landing", recursive=True) if name.endswith(".zst")]
    assert landed and not left
    assert asked("SELECT count(*) AS rows FROM current.order_items", capsys)[0]["rows"] == row["rows"]
    assert catalog.table("payments").name in lake.folders(layout.CHANGES)
    assert [path.name for path in tmp_path.iterdir()] == ["dagster"], "nothing of the lake is on this disk"
