"""Reference tables: as few requests as pages, whatever the number of hotels, and no row lost by a failed answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mews_assets.api import MewsClient
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.reference_model import in_order
from mews_assets.ingest.directory import Directory, discover
from mews_assets.ingest.reference import TRIED_FOR_EVERYONE, ask_reference, bodies
from mews_assets.lake.landing.reference_rows import owners_of, read_rows
from mews_assets.lake.landing.reference_tables import EVERYONE, ReferenceMeasures, write_reference
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets_tests.ingest.made import client_to

NOW = datetime(2026, 4, 10, 9, 30, tzinfo=UTC)
HOTELS = 5
BY_NAME = {reference.name: reference for reference in REFERENCES}
ONE_A_HOTEL = {"configuration/get"}
"""Answers for one enterprise only."""


@pytest.fixture(scope="module")
def simulated() -> Iterator[RunningSandbox]:
    hotels = Simulated(hotels=HOTELS, days=1, seed=3)
    with running_sandbox(hotels, now=NOW, limits=ServerLimits(requests=10_000)) as sandbox:
        sandbox.set_clock(NOW, running=False)
        yield sandbox


def refreshed(
    lake: Lake, clients: dict[str, MewsClient], at: datetime = NOW, only: set[str] | None = None
) -> dict[str, ReferenceMeasures]:
    """All tables, or some, read and written."""
    directory = discover(clients)
    measures = {}
    for group in in_order(one for one in REFERENCES if only is None or one.name in only):
        answered = ask_reference(group, clients, directory, lake)
        for one in group:
            measures[one.name] = write_reference(lake, one, answered.records[one.name], at, answered.asked)
    return measures


def requests(sandbox: RunningSandbox) -> Counter[str]:
    counts = Counter(sandbox.requests()["Counts"])
    sandbox.reset()
    return counts


@pytest.mark.slow
def test_the_tables_of_all_hotels_of_a_token_cost_no_more_requests_than_those_of_one(
    simulated: RunningSandbox, lake: Lake
) -> None:
    with client_to(simulated) as portfolio:
        simulated.reset()
        measures = refreshed(lake, {"portfolio": portfolio})
        asked = requests(simulated)
    assert {name for name, one in measures.items() if not one.rows} == set()
    # A page, and the empty page that says it was the last.
    dear = {operation: count for operation, count in asked.items() if count > 2}
    assert dear == {"configuration/get": HOTELS}
    assert len(asked) == len({one.fetch.operation for one in REFERENCES})


@pytest.mark.slow
def test_a_token_for_each_hotel_asks_once_for_what_is_the_same_for_everyone(
    simulated: RunningSandbox, lake: Lake
) -> None:
    clients = {str(n): client_to(simulated, token) for n, token in enumerate(simulated.hotel_tokens)}
    simulated.reset()
    measures = refreshed(lake, clients)
    asked = requests(simulated)
    for reference in REFERENCES:
        if reference.for_everyone:
            assert asked[reference.fetch.operation] == 1
        else:
            assert asked[reference.fetch.operation] <= 2 * HOTELS
    with client_to(simulated) as portfolio:
        assert refreshed(lake, {"portfolio": portfolio}, NOW + timedelta(hours=1)).keys() == measures.keys()
    for client in clients.values():
        client.close()


@pytest.mark.slow
def test_every_row_belongs_to_a_hotel_or_chain_that_can_be_named(
    simulated: RunningSandbox, lake: Lake
) -> None:
    with client_to(simulated) as portfolio:
        refreshed(lake, {"portfolio": portfolio})
    enterprises = simulated.sandbox.store.enterprises()
    scopes = {*enterprises, *enterprises.values()}
    with lake.workspace() as workspace:
        for reference in REFERENCES:
            if reference.owner is not None:
                rows, _ = read_rows(lake, reference, workspace)
                assert set(owners_of(lake, reference, rows, workspace).to_pylist()) <= scopes, reference.name


def test_more_ids_than_a_request_takes_are_named_in_several() -> None:
    policies = BY_NAME["cancellation_policies"]
    ids = {"services": {"a": [f"s{n}" for n in range(150)]}, "rate_groups": {"a": ["g"], "b": ["h"]}}
    sent = list(bodies(policies, ("a",), ids))
    assert [len(body["ServiceIds"]) for body in sent] == [100, 50]
    assert all(body["RateGroupIds"] == ["g"] and body["EnterpriseIds"] == ["a"] for body in sent)


def test_where_a_parent_has_no_records_nothing_is_asked() -> None:
    assert list(bodies(BY_NAME["rates"], ("a",), {"services": {"b": ["s"]}})) == []


@pytest.mark.slow
def test_what_is_for_everyone_is_asked_of_another_connection_where_one_is_refused(
    simulated: RunningSandbox, lake: Lake
) -> None:
    withdrawn = {
        f"withdrawn {n}": client_to(simulated, "no such token") for n in range(TRIED_FOR_EVERYONE - 1)
    }
    with client_to(simulated) as portfolio:
        clients = {**withdrawn, "portfolio": portfolio}
        (group,) = in_order([BY_NAME["currencies"]])
        answered = ask_reference(group, clients, Directory({}, {}, {}), lake)
    assert answered.records["currencies"]
    assert answered.asked == {EVERYONE}
    assert answered.silent == {}


def test_an_answer_that_breaks_off_marks_nothing_as_gone(simulated: RunningSandbox, lake: Lake) -> None:
    names = {"enterprises", "counters", "sources"}
    with client_to(simulated) as portfolio:
        clients = {"portfolio": portfolio}
        refreshed(lake, clients, only=names)
        for name in ("counters", "sources"):
            simulated.plan_fault(f"{name}/getAll", status=403, times=1)
            (group,) = in_order([BY_NAME[name]])
            with pytest.raises(Exception, match="403"):
                ask_reference(group, clients, discover(clients), lake)
        with client_to(simulated, "no such token") as refused:
            both = {**clients, "refused": refused}
            (group,) = in_order([BY_NAME["sources"]])
            directory = discover(clients)
            directory.connection_by_enterprise["unseen"] = "refused"
            answered = ask_reference(group, both, directory, lake)
    assert set(answered.silent) == {"refused"}
    assert EVERYONE not in answered.asked
    later = write_reference(lake, BY_NAME["sources"], [], NOW + timedelta(days=30), answered.asked)
    assert (later.gone, later.kept) == (0, later.rows)
