"""Simulated hotels behind the API: pages and exports tell one story, and the clock brings more of it."""

from datetime import datetime

import msgspec
import pytest

from mews_assets.sandbox.records.entities import ENTITIES, EXPORTED
from mews_assets.sandbox.running import ServerLimits, Simulated, running_sandbox
from mews_assets.sandbox.server.operations import OPERATIONS
from mews_assets_tests.sandbox.made import NOW, Client

PAGED = {one.entity: one for one in OPERATIONS.values() if one.entity in EXPORTED and not one.beta}


@pytest.fixture(scope="module")
def simulated():
    with running_sandbox(
        Simulated(hotels=1, days=3, seed=7),
        now=datetime.fromisoformat(NOW),
        limits=ServerLimits(requests=10_000),
    ) as sandbox:
        sandbox.set_clock(NOW, running=False)
        yield Client(sandbox)


def all_pages(client, operation):
    body = {"Extent": {operation.records_key: True}} if operation.extent else {}
    body |= {"ActivityStates": ["Active", "Deleted"]} if operation.activity else {}
    found, cursor = [], None
    while True:
        page = client.page(operation.address, 1000, cursor, **body)
        found += page[operation.records_key]
        cursor = page["Cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("entity", PAGED)
def test_pages_and_an_export_hold_the_same_records(simulated, entity):
    by_pages = {one["Id"]: one for one in all_pages(simulated, PAGED[entity])}
    by_export = [msgspec.json.decode(line) for line in simulated.lines(entity)]
    assert len(by_export) == len(by_pages)
    assert {one["Id"]: one for one in by_export} == by_pages


def test_every_entity_of_the_contract_is_simulated(simulated):
    store = simulated.sandbox.sandbox.store
    entities = {row[0] for row in store._connection().execute("SELECT DISTINCT entity FROM version")}
    assert entities == set(ENTITIES)


def test_the_clock_brings_new_versions(simulated):
    before = len(simulated.lines("LedgerEntry", Filters=posting("2024-06-16", "2024-06-17")))
    simulated.sandbox.advance(3 * 86_400)
    after = len(simulated.lines("LedgerEntry", Filters=posting("2024-06-16", "2024-06-17")))
    simulated.sandbox.set_clock(NOW, running=False)
    assert before == 0 < after


def posting(first, last):
    return {"LedgerEntryFilters": {"Posting": {"Start": first, "End": last}}}
