"""Tables whose rows are asked for by the ids of parents that changed: when, with which ids, and what comes."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.model import Pages
from mews_assets.defs.sensors.pages import Tick
from mews_assets.lake.storage import layout
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.runs import add_scopes, changes_rows, fold_run
from mews_assets_tests.defs.stage import DAYS, Stage, evaluations, failure_of

NAMED = "companionships,service_order_notes,identity_documents"
OPERATION = "companionships/getAll"


@pytest.fixture
def named(stage: Stage) -> Stage:
    stage.environment["MEWS_TABLES"] = NAMED
    return stage


def test_naming_a_table_fetches_its_parents_too(named: Stage) -> None:
    names = {table.name for table in named.settings.tables}
    assert names == {*NAMED.split(","), "reservations", "product_service_orders", "customers"}


def test_companions_are_those_of_the_reservations_that_changed_in_the_window(named: Stage) -> None:
    assert named.run("reservations", named.keys()).success
    result = named.run("companionships", named.keys())
    assert result.success, failure_of(result).error
    changed, found = changes_rows(named, "reservations"), changes_rows(named, "companionships")
    assert set(found) == set(changed)
    for partition, companions in found.items():
        assert companions
        assert {row["reservation_id"] for row in companions} <= {row["id"] for row in changed[partition]}
        assert {row["_window_utc"].strftime("%Y-%m-%d") for row in companions} == {partition[1]}
    failed = [
        name
        for name, passed in evaluations(result, PLAIN.changes(catalog.table("companionships"))).items()
        if not passed
    ]
    assert [name for name, _ in failed if name != "references_resolve"] == []


def test_a_window_that_has_not_landed_in_the_parents_table_fails_and_says_so(named: Stage) -> None:
    north, _ = named.enterprises
    assert named.run("reservations", named.keys([north])).success
    result = named.run("companionships", named.keys())
    assert not result.success
    failure = failure_of(result)
    assert "materialise that partition of reservations first" in failure.error.message
    assert {scope for scope, _ in changes_rows(named, "companionships")} == {north}


def test_the_sensor_waits_for_the_parents(named: Stage) -> None:
    north, _ = named.enterprises
    add_scopes(named)
    group = (catalog.table("companionships"),)
    tick = Tick(group, named.settings, named.instance, None, named.lake)  # type: ignore[arg-type]
    now = named.mews.sandbox.clock.now()
    assert tick._due(named.enterprises, now) == []
    assert named.run("reservations", named.keys([north])).success
    due = tick._due(named.enterprises, now)
    assert [(one.scope, one.key(named.lake.grain)) for one in due] == [(north, day) for day in DAYS]


@pytest.mark.slow
def test_more_parents_than_a_request_takes_are_named_in_several(named: Stage) -> None:
    documents = catalog.table("identity_documents")
    assert isinstance(documents.fetch, Pages)
    assert documents.fetch.of_parents is not None
    chains = named.keys(named.chains)
    assert named.run("customers", chains).success
    named.mews.reset()
    assert named.run("identity_documents", chains).success
    sizes = [
        one["ScopeSizes"]["CustomerIds"]
        for one in named.mews.requests()["Requests"]
        if one["Operation"] == "identityDocuments/getAll"
    ]
    assert max(sizes) <= documents.fetch.of_parents.limit
    customers = {row["id"] for found in changes_rows(named, "customers").values() for row in found}
    documented = [row for found in changes_rows(named, "identity_documents").values() for row in found]
    assert documented
    assert {row["customer_id"] for row in documented} <= customers


@pytest.mark.slow
def test_notes_come_of_reservations_and_of_product_orders_and_current_has_the_newest(named: Stage) -> None:
    add_scopes(named)
    for table in ("reservations", "product_service_orders", "service_order_notes"):
        assert named.run(table, named.keys()).success
    notes = catalog.table("service_order_notes")
    assert fold_run(named, notes, *named.enterprises).success
    every = [row["id"] for found in changes_rows(named, notes.name).values() for row in found]
    current = [
        row["id"]
        for file in named.lake.files(layout.current_folder(notes.name), recursive=True)
        for row in pq.read_table(named.lake.path(file), partitioning=None).to_pylist()
    ]
    assert every
    assert sorted(current) == sorted(set(every))
