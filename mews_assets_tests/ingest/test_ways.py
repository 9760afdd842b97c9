"""Two ways in, one table out: exports and pages bring the same rows to the same partitions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from mews_assets.api import Pages, UnauthorizedError
from mews_assets.catalog import TABLES
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import FetchMethod, Table
from mews_assets.ingest.directory import discover
from mews_assets.ingest.materialise import Materialised, PartitionRequest, materialise
from mews_assets.ingest.pull import Puller
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets.windows import Grain, windows_between
from mews_assets_tests.ingest.made import client_to
from mews_assets_tests.lake.made import everything, is_reconciled
from mews_assets_tests.sandbox.made import hotels

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
DAYS = list(windows_between(NOW.replace(day=5, hour=0), NOW, Grain.DAILY))
EDGES = (
    "2025-03-05T00:00:00Z",
    "2025-03-07T00:00:00Z",
    "2025-03-08T23:59:59.999999Z",
    "2025-03-10T00:00:00Z",
)
BOTH_WAYS = [table for table in TABLES if len(table.documented_methods) > 1]
LEDGER = table_of("ledger_entries")
LEDGER_DAYS = [day for day in DAYS if day.is_settled(NOW, by_day=True)]
OF_THE_CAPTURE = ["_landing_id", "_captured_at_utc"]
"""The columns that say which capture a row came with: all that may differ between the two ways."""


@pytest.fixture(scope="module")
def mews() -> Iterator[RunningSandbox]:
    """Three hotels of two chains whose clock stands: both ways are asked at the same instant."""
    with running_sandbox(
        Simulated(hotels=3, days=4),
        now=NOW,
        no_export_token=True,
        limits=ServerLimits(file_bytes=300_000, requests=10_000, ledger_pages=True),
    ) as running:
        running.set_clock(NOW, running=False)
        for table in BOTH_WAYS:
            _put_edges(running, table)
        yield running


def _put_edges(mews: RunningSandbox, table: Table) -> None:
    """New records at both ends of the days asked for, and those that pages bring only when told to."""
    paged = table.fetched_by(FetchMethod.PAGES).fetch
    with client_to(mews) as client:
        page = next(iter(Pages(client, paged.operation, (paged.records_key,), paged.parameters, count=1)))
    record = msgspec.json.decode(page.records[paged.records_key][0])
    scope = mews.sandbox.store.scope_of(table.entity, record["Id"])
    names = {column.name for column in table.columns}
    odd = {"IsActive": False, "CorrectionState": "CorrectiveBill"}
    more = {name: value for name, value in odd.items() if name in names}
    for number, stamp in enumerate(EDGES):
        made = {**record, **(more if number % 2 else {}), "Id": str(uuid.UUID(int=number + 1))}
        mews.put_record(table.entity, made, scope=scope, stamp_utc=stamp)


def come(folder: Path, mews: RunningSandbox, token: str, table: Table) -> tuple[Lake, Materialised]:
    """The table of all its scopes and days, through one token, in a lake of its own."""
    lake = open_lake(str(folder), Grain.DAILY)
    with client_to(mews, token) as client:
        directory = discover({"portfolio": client})
        days = [day for day in DAYS if day.is_settled(NOW, by_day=table.by_day)]
        wanted = [Partition(scope, day) for scope in directory.scopes(table.scope) for day in days]
        mews.reset()
        done = materialise(
            table,
            PartitionRequest(wanted),
            {"portfolio": client},
            directory,
            Puller(lake, lambda: mews.now),
            threads=1,
        )
    return lake, done


def rows_of(lake: Lake, table: Table) -> dict[str, pa.Table]:
    found = everything(lake, table)
    return {name: rows.drop_columns(OF_THE_CAPTURE) for name, rows in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("table", BOTH_WAYS, ids=lambda table: table.name)
def test_a_token_without_exports_gets_the_same_table_row_for_row(table, tmp_path, mews, monkeypatch):
    exported = table.fetched_by(FetchMethod.EXPORT)
    by_export, done = come(tmp_path / "export", mews, mews.access_token, exported)
    assert not done.failed
    assert mews.requests()["Counts"]["exports/add"] >= 1

    paged = table.fetched_by(FetchMethod.PAGES)
    monkeypatch.setattr("mews_assets.ingest.pull.MewsPages", partial(Pages, count=50))
    by_pages, done = come(tmp_path / "pages", mews, mews.no_exports_token, paged)
    assert not done.failed
    counts = mews.requests()["Counts"]
    assert counts[paged.fetch.operation] >= 1
    assert not [name for name in counts if name.startswith("exports/")]
    for capture in done.merged[table.name].captures.values():
        assert is_reconciled(capture)
        assert not capture.findings.unknown

    wanted, found = rows_of(by_export, exported), rows_of(by_pages, paged)
    assert len(wanted) == len(DAYS) * (2 if table.scope.value == "chain" else 3)
    assert found == wanted
    everywhere = pa.concat_tables(found.values()).to_pylist()
    assert sum(row["id"].startswith("00000000-") for row in everywhere) == 3  # the last is the next window's
    if "is_active" in everywhere[0]:
        assert {row["is_active"] for row in everywhere} == {True, False}
    if "correction_state" in everywhere[0]:
        assert {row["correction_state"] for row in everywhere} == {"Bill", "CorrectiveBill"}


def test_undocumented_pages_of_the_ledger_bring_what_its_export_brings(tmp_path, mews, monkeypatch):
    by_export, done = come(tmp_path / "export", mews, mews.access_token, LEDGER)
    assert not done.failed
    monkeypatch.setattr("mews_assets.ingest.pull.MewsPages", partial(Pages, count=50))
    by_pages, done = come(
        tmp_path / "pages", mews, mews.no_exports_token, LEDGER.fetched_by(FetchMethod.PAGES)
    )
    assert not done.failed
    counts = mews.requests()["Counts"]
    assert counts["ledgerEntries/getAll"] > len(LEDGER_DAYS)
    assert not [name for name in counts if name.startswith("exports/")]
    wanted = rows_of(by_export, LEDGER)
    assert sum(rows.num_rows for rows in wanted.values()) > 50
    assert rows_of(by_pages, LEDGER) == wanted


def test_where_mews_does_not_serve_undocumented_pages_the_error_says_what_to_do(tmp_path):
    with running_sandbox(hotels(), now=NOW) as without:
        _, done = come(tmp_path, without, without.access_token, LEDGER.fetched_by(FetchMethod.PAGES))
    assert len(done.failed) == len(LEDGER_DAYS)
    assert not done.landed.get("ledger_entries")
    for _, error in done.failed:
        assert str(error).startswith("ledgerEntries/getAll (connection portfolio, status 404")
        assert "Mews does not document this operation; fetch ledger_entries by export" in str(error)


def test_a_token_without_exports_is_refused_the_export_itself(tmp_path, mews):
    _, done = come(tmp_path, mews, mews.no_exports_token, table_of("payments"))
    ((partitions, error),) = done.failed
    assert len(partitions) == 3 * len(DAYS)
    assert isinstance(error, UnauthorizedError)


@pytest.mark.slow
def test_a_table_goes_on_in_the_other_way_and_nothing_comes_twice(tmp_path, mews):
    table = table_of("reservations")
    lake, _ = come(tmp_path, mews, mews.access_token, table)
    before = rows_of(lake, table)
    _, done = come(tmp_path, mews, mews.no_exports_token, table.fetched_by(FetchMethod.PAGES))
    assert not done.failed
    assert rows_of(lake, table) == before
    assert len(done.landed[table.name]) == 1
