"""Reading series over HTTP: few requests, the past kept, and the fault of one hotel staying its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.entities.series import SERIES
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.ingest.directory import Directory, discover
from mews_assets.ingest.reference import ask_reference
from mews_assets.ingest.series.ask import SeriesRead, read_series
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.landing.series_rows import months_there, read_figures
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets_tests.ingest.made import client_to

NOW = datetime(2026, 4, 10, 9, 30, tzinfo=UTC)
START = datetime(2026, 4, 1, tzinfo=UTC)
HOTELS = 2
BALANCES, AVAILABILITY = SERIES[:2]


@pytest.fixture(scope="module")
def simulated() -> Iterator[RunningSandbox]:
    hotels = Simulated(hotels=HOTELS, days=3, seed=3)
    with running_sandbox(hotels, now=NOW, limits=ServerLimits(requests=10_000)) as sandbox:
        yield sandbox


@pytest.fixture
def clocked(simulated: RunningSandbox) -> RunningSandbox:
    simulated.set_clock(NOW, running=False)
    simulated.reset()
    return simulated


def prepared(lake: Lake, clients: dict[str, Any]) -> Directory:
    """The directory, with the services in the lake, which requests name."""
    directory = discover(clients)
    for name in ("enterprises", "services"):
        reference = next(one for one in REFERENCES if one.name == name)
        answered = ask_reference((reference,), clients, directory, lake)
        write_reference(lake, reference, answered.records[name], NOW, answered.asked)
    return directory


def read(sandbox: RunningSandbox, lake: Lake, table: SeriesTable, at: datetime = NOW) -> SeriesRead:
    sandbox.set_clock(at, running=False)
    with client_to(sandbox) as client:
        clients = {"portfolio": client}
        directory = prepared(lake, clients)
        sandbox.reset()
        return read_series(table, clients, directory, lake, at, START)


def requests(sandbox: RunningSandbox) -> Counter[str]:
    return Counter(sandbox.requests()["Counts"])


@pytest.mark.parametrize("table", SERIES, ids=[table.name for table in SERIES])
def test_a_series_is_read_for_all_hotels_and_read_again_adds_nothing(
    table: SeriesTable, clocked: RunningSandbox, lake: Lake
) -> None:
    first = read(clocked, lake, table)
    # A page and the empty page after it, or a request for each service.
    assert requests(clocked) == {table.fetch.operation: 2 if table is BALANCES else HOTELS}
    assert first.measures.sent == first.measures.new > 0
    assert len(first.read) == HOTELS
    again = read(clocked, lake, table, NOW + timedelta(seconds=1))
    assert (again.measures.new, again.measures.changed, again.measures.gone) == (0, 0, 0)
    for scope, months in months_there(lake, table).items():
        rows = read_figures(lake, table, scope, months).to_pylist()
        assert {row["_asked_utc"] for row in rows} == {NOW}
        assert {row["_last_asked_utc"] for row in rows} == {NOW + timedelta(seconds=1)}


@pytest.mark.slow
def test_what_changes_until_the_next_day_is_a_row_more_and_the_row_before_stays(
    clocked: RunningSandbox, lake: Lake
) -> None:
    read(clocked, lake, AVAILABILITY)
    later = NOW + timedelta(days=1)
    measures = read(clocked, lake, AVAILABILITY, later).measures
    assert measures.changed > 0
    rows = [
        row
        for scope, months in months_there(lake, AVAILABILITY).items()
        for row in read_figures(lake, AVAILABILITY, scope, months).to_pylist()
    ]
    by_key: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        by_key.setdefault((row["resource_category_id"], row["_day"]), []).append(row)
    changed = [history for history in by_key.values() if len(history) > 1]
    assert len(changed) == measures.changed
    assert all([row["_asked_utc"] for row in history] == [NOW, later] for history in changed)
    assert all(history[0]["_last_asked_utc"] == NOW for history in changed)


def test_the_days_of_a_hotel_are_those_of_its_own_clock(clocked: RunningSandbox, lake: Lake) -> None:
    read(clocked, lake, AVAILABILITY)
    for scope, months in months_there(lake, AVAILABILITY).items():
        days = sorted({row["_day"] for row in read_figures(lake, AVAILABILITY, scope, months).to_pylist()})
        assert days == [date(2026, 4, 1) + timedelta(days=n) for n in range(len(days))]
        assert days[-1] == NOW.date() + timedelta(days=AVAILABILITY.fetch.ahead)


def test_a_refusal_of_one_hotel_leaves_the_others_and_is_named(clocked: RunningSandbox, lake: Lake) -> None:
    with client_to(clocked) as client:
        clients = {"portfolio": client}
        directory = prepared(lake, clients)
        clocked.plan_fault(AVAILABILITY.fetch.operation, status=400)
        found = read_series(AVAILABILITY, clients, directory, lake, NOW, START)
        assert len(found.read) == HOTELS - 1
        assert list(found.faults) == [scope for scope in directory.enterprises if scope not in found.read]
        # The lake says what is due: the next run reads the hotel from the start.
        again = read_series(AVAILABILITY, clients, directory, lake, NOW, START)
    assert again.faults == {}
    assert set(months_there(lake, AVAILABILITY)) == set(directory.enterprises)


def test_a_connection_that_fails_is_silent_and_the_others_are_read(
    clocked: RunningSandbox, lake: Lake
) -> None:
    clients = {str(n): client_to(clocked, token) for n, token in enumerate(clocked.hotel_tokens)}
    directory = prepared(lake, clients)
    clients["0"].close()
    clients["0"] = client_to(clocked, "no such token")
    found = read_series(BALANCES, clients, directory, lake, NOW, START)
    assert list(found.silent) == ["0"]
    assert len(found.read) == 1
    for client in clients.values():
        client.close()
