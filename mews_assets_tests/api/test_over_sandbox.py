"""The room as a whole against a sandbox: real HTTP, Mews' rules, planned faults."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mews_assets.api import (
    Credentials,
    DownloadError,
    DownloadLimits,
    Export,
    ExportExpiredError,
    ExportInFlightError,
    MewsClient,
    Page,
    Pages,
    PermanentError,
    RequestLimits,
    SlidingWindow,
    UnauthorizedError,
    add_export,
    download_files,
    get_exports,
    wait_for_export,
)
from mews_assets.sandbox.running import RunningSandbox, ServerLimits, Simulated, running_sandbox
from mews_assets.windows import Window
from mews_assets_tests.api.stage import in_parts

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAYS = Window(datetime(2026, 2, 26, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
UPDATED = {"StartUtc": "2026-02-26T00:00:00Z", "EndUtc": "2026-03-01T00:00:00Z"}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSandbox]:
    with running_sandbox(
        Simulated(hotels=2, days=6), now=NOW, limits=ServerLimits(file_bytes=1_000_000)
    ) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.reset()
    return running


@pytest.fixture
def own_sandbox() -> Iterator[RunningSandbox]:
    """One whose clock may be moved: time there cannot go back."""
    with running_sandbox(
        Simulated(hotels=1, days=2), now=NOW, limits=ServerLimits(file_bytes=200_000)
    ) as sandbox:
        yield sandbox


def client_to(sandbox: RunningSandbox, access_token: str = "", **changes: Any) -> MewsClient:
    given: dict[str, Any] = {"random": lambda: 0.0} | changes
    credentials = Credentials(sandbox.client_token, access_token or sandbox.access_token, "tests 1")
    return MewsClient(sandbox.address, credentials, **in_parts(RequestLimits, given))


@pytest.fixture
def client(sandbox: RunningSandbox) -> Iterator[MewsClient]:
    with client_to(sandbox) as client:
        yield client


def ready(client: MewsClient, entity_type: str = "OrderItem") -> Export:
    added = add_export(client, entity_type, updated=DAYS)
    return wait_for_export(client, added.id, deadline_seconds=20, poll_seconds=[0.02] * 100)


def fetched(client: MewsClient, export: Export, target: Path, **more: Any) -> bytes:
    def refresh() -> Export:
        fresh = get_exports(client, [export.id])[export.id]
        assert fresh is not None
        return fresh

    given = {"refresh": refresh, "random": lambda: 0.0} | more
    files = download_files(client, export.id, target, **in_parts(DownloadLimits, given))
    assert [file.size_bytes for file in files] == [file.size_bytes for file in export.files]
    return b"".join(file.path.read_bytes() for file in files)


def order_items(client: MewsClient, count: int = 1000, window: Any = UPDATED) -> list[Page]:
    return list(Pages(client, "orderItems/getAll", ("OrderItems",), {"UpdatedUtc": window}, count))


def records_of(pages: list[Page], key: str = "OrderItems") -> list[bytes]:
    return [record for page in pages for record in page.records[key]]


@pytest.mark.slow
def test_an_export_holds_the_bytes_that_the_pages_hold(client: MewsClient, tmp_path: Path) -> None:
    paged = records_of(order_items(client))
    export = ready(client)
    assert len(export.files) > 1
    assert len(paged) > 500
    assert sorted(fetched(client, export, tmp_path).splitlines()) == sorted(paged)


@pytest.mark.slow
def test_small_pages_and_large_ones_bring_the_same_records(client: MewsClient) -> None:
    large, small = order_items(client), order_items(client, 111)
    assert len(small) > len(large)
    assert records_of(small) == records_of(large)


@pytest.mark.slow
def test_a_server_that_sends_fewer_records_than_asked_for_is_asked_on_to_the_end(client: MewsClient) -> None:
    """A thousand are asked for, and at most 200 come."""
    whole = records_of(order_items(client))
    with (
        running_sandbox(
            Simulated(hotels=2, days=6), now=NOW, limits=ServerLimits(page_records=200)
        ) as sandbox,
        client_to(sandbox) as short,
    ):
        pages = order_items(short)
    assert records_of(pages) == whole
    lengths = [len(page.records["OrderItems"]) for page in pages]
    assert len(lengths) > 3
    assert set(lengths[:-2]) == {200}
    assert lengths[-1] == 0


def test_an_outlet_page_brings_items_and_their_bills(client: MewsClient) -> None:
    keys = ("OutletItems", "OutletBills")
    pages = list(Pages(client, "outletItems/getAll", keys, {"UpdatedUtc": UPDATED}, 100))
    bills = {json.loads(bill)["Id"] for bill in records_of(pages, "OutletBills")}
    items = [json.loads(item)["BillId"] for item in records_of(pages, "OutletItems")]
    assert items and set(items) == bills


def test_a_window_without_records_is_one_empty_page(client: MewsClient, sandbox: RunningSandbox) -> None:
    past = {"StartUtc": "2001-01-01T00:00:00Z", "EndUtc": "2001-01-02T00:00:00Z"}
    assert [page.records for page in order_items(client, window=past)] == [{"OrderItems": []}]
    assert sandbox.requests()["Requests"][-1]["Status"] == 204


def test_a_heavy_page_comes_in_smaller_ones(client: MewsClient, sandbox: RunningSandbox) -> None:
    whole = records_of(order_items(client))
    sandbox.plan_fault("orderItems/getAll", status=408, times=2)
    assert records_of(order_items(client)) == whole


@pytest.mark.parametrize("kind", ["status", "reset", "truncate"])
def test_passing_faults_leave_no_trace_in_the_records(
    client: MewsClient, sandbox: RunningSandbox, kind: str
) -> None:
    whole = records_of(order_items(client))
    sandbox.plan_fault("orderItems/getAll", kind, times=2)
    assert records_of(order_items(client)) == whole


def test_the_limit_of_requests_is_waited_out(sandbox: RunningSandbox) -> None:
    with (
        running_sandbox([], now=NOW, limits=ServerLimits(requests=5, seconds=1.0)) as strict,
        client_to(strict, random=lambda: 0.1) as client,
    ):
        for _ in range(8):
            client.ask("enterprises/getAll", {"Limitation": {"Count": 1}})
        assert 429 in [request["Status"] for request in strict.requests()["Requests"]]


def test_pacing_below_the_limit_never_meets_a_429() -> None:
    with (
        running_sandbox([], now=NOW, limits=ServerLimits(requests=10, seconds=0.3)) as strict,
        client_to(strict, pacing=SlidingWindow(7, 0.4)) as client,
    ):
        for _ in range(25):
            client.ask("enterprises/getAll", {"Limitation": {"Count": 1}})
        assert {request["Status"] for request in strict.requests()["Requests"]} == {200}


def test_a_second_export_of_an_entity_type_has_to_wait(tmp_path: Path) -> None:
    with running_sandbox([], export_seconds=3600, now=NOW) as slow, client_to(slow) as client:
        first = add_export(client, "Bill", updated=DAYS)
        with pytest.raises(ExportInFlightError, match="no export of Bill was added"):
            add_export(client, "Bill", updated=DAYS)
        add_export(client, "Payment", updated=DAYS)
        slow.advance(3601)
        assert wait_for_export(client, first.id, deadline_seconds=5, poll_seconds=[0.02] * 99).files == ()
        add_export(client, "Bill", updated=DAYS)


def test_an_add_whose_answer_was_lost_is_told_as_an_export_in_flight() -> None:
    """The export exists but nobody knows its id: nothing to do but to wait until it is through."""
    with running_sandbox([], export_seconds=3600, now=NOW) as slow, client_to(slow) as client:
        slow.plan_fault("exports/add", "lost")
        with pytest.raises(ExportInFlightError, match="whose answer got lost"):
            add_export(client, "Bill", updated=DAYS)


@pytest.mark.parametrize("kind", ["reset", "truncate", "status"])
def test_a_broken_download_is_completed(
    client: MewsClient, sandbox: RunningSandbox, tmp_path: Path, kind: str
) -> None:
    export = ready(client)
    whole = fetched(client, export, tmp_path / "whole")
    sandbox.plan_fault("download", kind, times=3)
    assert fetched(client, export, tmp_path / "broken") == whole


def test_a_download_that_stalls_goes_on_over_a_new_connection(
    client: MewsClient, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    export = ready(client)
    sandbox.plan_fault("download", "slow", seconds=1.0)
    assert len(fetched(client, export, tmp_path, timeouts=httpx.Timeout(0.3))) == export.size_bytes


def test_an_answer_that_stalls_is_asked_for_again(sandbox: RunningSandbox) -> None:
    sandbox.plan_fault("orderItems/getAll", "slow", seconds=2.0)
    with client_to(sandbox, timeouts=httpx.Timeout(1.0)) as client:
        assert len(records_of(order_items(client, 200))) > 500


@pytest.mark.slow
def test_links_that_died_after_ten_minutes_are_fetched_again(
    own_sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with client_to(own_sandbox) as client:
        export = ready(client)
        stale = [export]

        def refresh() -> Export:
            return stale.pop() if stale else get_exports(client, [export.id])[export.id] or export

        own_sandbox.advance(601)
        assert len(fetched(client, export, tmp_path, refresh=refresh)) == export.size_bytes > 0
    refused = [one for one in own_sandbox.requests()["Requests"] if one["Status"] == 403]
    assert refused and not stale


@pytest.mark.slow
def test_an_export_of_last_week_has_expired(own_sandbox: RunningSandbox, tmp_path: Path) -> None:
    with client_to(own_sandbox) as client:
        export = ready(client)
        own_sandbox.advance(timedelta(days=8).total_seconds())
        with pytest.raises(ExportExpiredError):
            fetched(client, export, tmp_path)


def test_a_wrong_token_is_told_without_the_token(sandbox: RunningSandbox) -> None:
    with (
        client_to(sandbox, "not-a-token-of-ours", connection="hotel-9") as client,
        pytest.raises(UnauthorizedError, match="hotel-9") as caught,
    ):
        order_items(client)
    assert "not-a-token" not in str(caught.value) and caught.value.request_id


def test_a_wrong_question_is_told_with_its_parameter(client: MewsClient) -> None:
    with pytest.raises(PermanentError, match="UpdatedUtc") as caught:
        order_items(client, window={"StartUtc": "2020-01-01T00:00:00Z", "EndUtc": "2026-01-01T00:00:00Z"})
    assert caught.value.status == 400 and not isinstance(caught.value, ExportInFlightError)


def test_an_export_that_ends_too_late_is_no_export_in_flight(client: MewsClient) -> None:
    with pytest.raises(PermanentError) as caught:
        add_export(client, "Bill", updated=Window(DAYS.start, NOW))
    assert caught.value.status == 400


def test_nothing_secret_is_logged_on_real_connections(
    client: MewsClient, sandbox: RunningSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    export = ready(client)
    sandbox.plan_fault("download", "truncate")
    fetched(client, export, tmp_path)
    assert "httpcore" in caplog.text
    queries = [httpx.URL(file.url).query.decode() for file in export.files]
    for secret in (sandbox.client_token, sandbox.access_token, *queries):
        assert secret and secret not in caplog.text


def test_a_download_that_stays_broken_leaves_nothing_behind(
    client: MewsClient, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    export = ready(client)
    sandbox.plan_fault("download", status=500, times=1000)
    with pytest.raises(DownloadError, match="given up"):
        fetched(client, export, tmp_path)
    sandbox.reset()
    assert list(tmp_path.iterdir()) == []
