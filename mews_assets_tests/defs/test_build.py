"""Definitions: what Dagster is told before anything has run, and that telling it reaches nothing."""

from __future__ import annotations

import runpy
import socket
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.defs.assets.landing_and_changes import groups
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks import checks_of
from mews_assets.settings import read_settings
from mews_assets.windows import Grain

START = {"MEWS_START_DATE": "2025-03-07"}
EVERY = {**START, "MEWS_TABLES": ",".join(table.name for table in catalog.TABLES)}
DEFINITIONS = build_definitions(read_settings(EVERY))
GRAPH = DEFINITIONS.resolve_asset_graph()


def landing_of(table: Table) -> dg.AssetKey:
    return dg.AssetKey(["landing", table.name])


def changes_of(table: Table) -> dg.AssetKey:
    return dg.AssetKey(["changes", table.name])


def test_loading_reaches_no_network_no_lake_and_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise AssertionError(f"a connection to {args[-1]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEWS_START_DATE", "2025-03-07")
    monkeypatch.setenv("MEWS_LAKE", str(tmp_path / "lake"))
    for name in (
        "MEWS_CLIENT_TOKEN",
        "MEWS_ACCESS_TOKEN",
        "MEWS_WINDOW",
        "MEWS_TABLES",
        "MEWS_FETCH",
        "MEWS_CONNECTIONS",
    ):
        monkeypatch.delenv(name, raising=False)
    defs = runpy.run_module("mews_assets.definitions")["defs"]
    dg.Definitions.validate_loadable(defs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("grain", Grain)
def test_every_grain_loads(grain: Grain) -> None:
    dg.Definitions.validate_loadable(build_definitions(read_settings({**START, "MEWS_WINDOW": grain.value})))


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_every_table_has_its_landing_and_its_changes(table: Table) -> None:
    for key in (landing_of(table), changes_of(table)):
        node = GRAPH.get(key)
        assert node.is_executable
        assert node.group_name == key.path[0]
        assert table.description in (node.description or "")
        assert isinstance(node.partitions_def, dg.MultiPartitionsDefinition)
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        assert node.pools
    assert GRAPH.get(changes_of(table)).parent_keys == {landing_of(table)}


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_every_column_is_described(table: Table) -> None:
    schema = GRAPH.get(changes_of(table)).metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns if not column.description] == []
    names = {column.name for column in schema.columns}
    assert {column.field_name for column in table.kept_columns} <= names
    required = {column.name for column in schema.columns if not column.constraints.nullable}
    assert required <= names


def test_a_column_shows_its_values_its_personal_data_what_it_refers_to_and_what_is_in_it() -> None:
    def columns(table: str) -> dict[str, dg.TableColumn]:
        schema = GRAPH.get(changes_of(catalog.table(table))).metadata["dagster/column_schema"]
        return {column.name: column for column in schema.columns}

    payments, customers = columns("payments"), columns("customers")
    assert "Values: Charged, " in (payments["state"].description or "")
    assert "refers to bills.id" in payments["bill_id"].constraints.other
    assert payments["amount.currency"].type == "string"
    assert "*Personal.*" in (customers["email"].description or "")
    assert "*Personal.*" not in (customers["updated_utc"].description or "")


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_every_table_has_the_checks_its_catalog_row_asks_for(table: Table) -> None:
    specs = {key.name: GRAPH.get(key) for key in GRAPH.asset_check_keys if key.asset_key == changes_of(table)}
    assert set(specs) >= {check.name for check in checks_of(table)}
    for check in checks_of(table):
        assert specs[check.name].description
        # Of a partitioned check Dagster would show every partition that passes as pending.
        assert specs[check.name].partitions_def is None


def test_a_job_has_the_name_of_its_table() -> None:
    jobs = {job.name for job in DEFINITIONS.resolve_all_job_defs()}
    assert {table.name for table in catalog.TABLES} | {"enterprises"} <= jobs


def test_a_job_takes_the_tables_along_that_the_same_request_brings() -> None:
    outlets = [catalog.table("outlet_items"), catalog.table("outlet_bills")]
    both = {key for table in outlets for key in (landing_of(table), changes_of(table))}
    for table in outlets:
        assert DEFINITIONS.resolve_job_def(table.name).asset_layer.selected_asset_keys == both
    payments = catalog.table("payments")
    keys = DEFINITIONS.resolve_job_def("payments").asset_layer.selected_asset_keys
    assert keys == {landing_of(payments), changes_of(payments)}


def test_one_op_fills_all_tables_of_one_request() -> None:
    assert [[table.name for table in group] for group in groups(catalog.TABLES) if len(group) > 1] == [
        ["outlet_items", "outlet_bills"]
    ]


def test_tables_that_are_not_wanted_are_not_told() -> None:
    definitions = build_definitions(read_settings({**START, "MEWS_TABLES": "payments"}))
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    tables = {key.path[-1] for key in keys if key.path[0] in ("landing", "changes")}
    assert tables == {"payments"}


def test_customers_are_partitioned_by_chain() -> None:
    def dimensions(name: str) -> set[str]:
        partitions = GRAPH.get(changes_of(catalog.table(name))).partitions_def
        assert isinstance(partitions, dg.MultiPartitionsDefinition)
        return set(partitions.partition_dimension_names)

    assert dimensions("customers") == dimensions("companies") == {"chain", "window"}
    assert dimensions("payments") == {"enterprise", "window"}


@pytest.mark.parametrize("kind", ScopeKind)
def test_one_backfill_can_take_all_tables_of_a_kind(kind: ScopeKind) -> None:
    """Dagster refuses one over assets whose partitions are cut differently, be it by a time zone."""
    tables = [table for table in catalog.TABLES if table.scope is kind]
    cut = {GRAPH.get(key(table)).partitions_def for table in tables for key in (landing_of, changes_of)}
    assert len(cut) == 1


def test_runs_of_one_operation_share_a_pool_and_others_do_not() -> None:
    pools = {table.name: frozenset(GRAPH.get(changes_of(table)).pools or ()) for table in catalog.TABLES}
    assert pools["outlet_items"] == pools["outlet_bills"]
    assert len(set(pools.values())) == len(groups(catalog.TABLES))


def test_the_way_that_is_chosen_decides_sensor_pool_and_what_is_asked() -> None:
    names = "reservations,payments,ledger_entries"
    chosen = {**START, "MEWS_TABLES": names, "MEWS_FETCH": "pages,payments=export"}
    definitions = build_definitions(read_settings(chosen))
    graph = definitions.resolve_asset_graph()
    sensors = {sensor.name for sensor in definitions.sensors or () if "_" in sensor.name}
    assert {"pages_reservations", "export_payments", "export_ledger_entries"} <= sensors
    assert not {"export_reservations", "pages_payments"} & sensors
    told = {
        table.name: (graph.get(changes_of(table)).pools, graph.get(changes_of(table)).metadata["mews/asked"])
        for table in catalog.tables(names.split(","))
    }
    assert told == {
        "reservations": ({"mews_pages_reservations"}, "reservations/getAll/2023-06-06"),
        "payments": ({"mews_export_payments"}, "export of Payment"),
        "ledger_entries": ({"mews_export_ledger_entries"}, "export of LedgerEntry"),
    }


def test_an_asset_says_that_its_operation_is_undocumented() -> None:
    chosen = {**START, "MEWS_TABLES": "ledger_entries", "MEWS_FETCH": "ledger_entries=pages"}
    definitions = build_definitions(read_settings(chosen))
    assert "pages_ledger_entries" in {sensor.name for sensor in definitions.sensors or ()}
    described = definitions.resolve_asset_graph().get(changes_of(catalog.table("ledger_entries"))).description
    assert "Mews does not document ledgerEntries/getAll" in (described or "")
