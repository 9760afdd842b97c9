"""Exports: their life by the sandbox's clock, what they hold, their files and links."""

import threading
from datetime import datetime

import httpx
import pytest

from mews_assets.sandbox.running import ServerLimits, running_sandbox
from mews_assets.sandbox.server.exports import _filled
from mews_assets_tests.sandbox.made import (
    NORTH,
    NORTH_CHAIN,
    NOW,
    SOUTH,
    Client,
    between,
    hotels,
    item,
    made_id,
)

DAY = between("2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z")


@pytest.fixture
def slow():
    """A sandbox whose exports take 10 seconds of its clock, with 50 order items of 100 bytes a line or so."""
    records = [item(f"n{n}", f"2024-06-01T00:00:{n:02}Z", Name=f"item {n:02}") for n in range(50)]
    now = datetime.fromisoformat(NOW)
    with running_sandbox(
        hotels() + records, now=now, export_seconds=10, limits=ServerLimits(file_bytes=2_000)
    ) as sandbox:
        sandbox.set_clock(NOW, running=False)
        yield Client(sandbox)


def test_an_export_is_pending_then_processing_then_success(slow):
    export_id = slow.order()
    seen = []
    for _ in range(4):
        export = slow.export(export_id)
        seen.append((export["Status"], bool(export["Files"]), export["ExpiresUtc"]))
        slow.sandbox.advance(4)
    assert seen == [
        ("Pending", False, None),
        ("Pending", False, None),
        ("Processing", False, None),
        ("Success", True, "2024-06-22T12:00:10Z"),
    ]


def test_an_order_is_answered_as_it_was_given(client):
    scope = {"EnterpriseIds": [NORTH]}
    answer = client.post("exports/add", EntityType="Bill", Scope=scope, Filters={"UpdatedUtc": DAY})
    export = answer.json()["Export"]
    assert export.pop("Id")
    assert export == {
        "Status": "Pending",
        "EntityType": "Bill",
        "Scope": {"EnterpriseIds": [NORTH], "ChainIds": None},
        "Files": [],
        "ExpiresUtc": None,
        "Filters": {"UpdatedUtc": DAY, "LedgerEntryFilters": None},
    }
    assert client.post("exports/add", EntityType="Payment").json()["Export"]["Filters"] is None


def test_a_second_export_of_an_entity_is_refused_while_one_is_in_flight(slow):
    slow.order("OrderItem")
    refused = slow.post("exports/add", EntityType="OrderItem")
    assert refused.status_code == 400
    assert refused.json()["Message"] == "An export of OrderItem is already in progress."
    slow.order("Bill")
    Client(slow.sandbox, slow.sandbox.hotel_tokens[0]).order("OrderItem")
    slow.sandbox.advance(10)
    slow.order("OrderItem")


def test_an_export_of_a_time_to_come_holds_no_other_up_when_the_clock_was_set_back(slow):
    """Tests move the clock of a sandbox they share: the next one's export would wait for hours."""
    slow.sandbox.advance(7 * 3600)
    slow.order()
    slow.sandbox.set_clock(NOW, running=False)
    assert slow.order()


def test_two_exports_added_at_the_same_moment_are_not_both_taken(slow):
    statuses = []

    def add():
        statuses.append(Client(slow.sandbox).post("exports/add", EntityType="Payment").status_code)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 7


def test_an_export_shows_what_is_newest_when_it_becomes_success(slow):
    client, sandbox = slow, slow.sandbox
    window = between("2024-06-01T00:00:00Z", "2024-06-01T00:01:00Z")
    export_id = client.order(Filters={"UpdatedUtc": window})
    sandbox.advance(5)
    sandbox.put_record("OrderItem", {"Id": made_id("n7"), "EnterpriseId": NORTH, "Name": "moved on in time"})
    sandbox.advance(6)
    sandbox.put_record("OrderItem", {"Id": made_id("n8"), "EnterpriseId": NORTH, "Name": "moved on too late"})
    text = b"".join(client.http.get(file["Url"]).content for file in client.export(export_id)["Files"])
    assert b"item 07" not in text
    assert b"item 08" in text
    assert text.count(b"\n") == 49


@pytest.mark.parametrize(("intervals", "lines_at_the_end"), [("half-open", 0), ("inclusive", 1)])
def test_an_export_holds_the_window_as_intervals_are_read(client, intervals, lines_at_the_end):
    window = between("2024-06-03T00:00:00Z", "2024-06-04T00:00:00Z")
    client.sandbox.read_intervals(intervals)
    lines = client.lines(Filters={"UpdatedUtc": window})
    client.sandbox.read_intervals("half-open")
    assert [name for name in (b"tax", b"room 2", b"bar") if any(name in line for line in lines)] == [
        b"tax",
        b"room 2",
        b"bar",
    ][: 2 + lines_at_the_end]
    assert len(lines) == 2 + lines_at_the_end


def test_an_export_without_filters_holds_everything_visible(client):
    assert len(client.lines()) == 3
    assert len(client.lines("Customer")) == 2


def test_an_export_can_be_of_some_hotels_or_chains(client):
    assert len(client.lines(Scope={"EnterpriseIds": [SOUTH]})) == 1
    assert len(client.lines("Customer", Scope={"ChainIds": [NORTH_CHAIN]})) == 2
    assert len(client.lines("Customer", Scope={"EnterpriseIds": [SOUTH]})) == 2


def test_a_hotel_token_exports_its_hotel_only(hotel):
    assert len(hotel.lines()) == 2


def test_ledger_entries_are_exported_by_posting_date_with_both_ends(client):
    posting = {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-02", "End": "2024-06-03"}}}
    lines = client.lines("LedgerEntry", Filters=posting)
    assert [b"second" in lines[0], b"third" in lines[1], len(lines)] == [True, True, 2]


def test_an_export_of_nothing_has_no_files(client):
    export = client.export(client.order("ResourceBlock"))
    assert (export["Status"], export["Files"]) == ("Success", [])


def test_an_export_is_split_into_files_of_whole_lines(slow):
    export_id = slow.order()
    slow.sandbox.advance(10)
    files = slow.export(export_id)["Files"]
    contents = [slow.http.get(file["Url"]).content for file in files]
    assert len(files) > 2
    assert [len(content) for content in contents] == [file["SizeInBytes"] for file in files]
    assert all(len(content) <= 2_000 and content.endswith(b"\n") for content in contents)
    assert b"".join(contents).count(b"\n") == 50


def test_a_line_longer_than_a_file_gets_a_file_of_its_own():
    records = iter([b"a", b"long line", b"b", b"c"])
    assert [b"".join(lines) for lines in _filled(records, 4)] == [b"a\n", b"long line\n", b"b\nc\n"]


def test_a_link_dies_10_minutes_after_the_answer_that_gave_it(client):
    export_id = client.order()
    url = client.export(export_id)["Files"][0]["Url"]
    client.sandbox.advance(600)
    assert client.http.get(url).status_code == 200
    client.sandbox.advance(1)
    assert client.http.get(url).status_code == 403
    assert client.http.get(client.export(export_id)["Files"][0]["Url"]).status_code == 200


def test_a_link_with_a_wrong_signature_is_refused(client):
    url = httpx.URL(client.export(client.order())["Files"][0]["Url"])
    for wrong in ({"signature": "0" * 64}, {"expires": "9" * 17}, {}):
        params = {**url.params, **wrong} if wrong else {}
        assert client.http.get(url.copy_with(params=params)).status_code == 403
    assert client.http.get(url.copy_with(path=url.path.replace("-1.", "-2."))).status_code == 403


def test_a_file_can_be_fetched_in_ranges(client):
    url = client.export(client.order())["Files"][0]["Url"]
    whole = client.http.get(url).content
    part = client.http.get(url, headers={"Range": "bytes=10-"})
    assert (part.status_code, part.content) == (206, whole[10:])
    assert part.headers["Content-Range"] == f"bytes 10-{len(whole) - 1}/{len(whole)}"
    part = client.http.get(url, headers={"Range": "bytes=3-5"})
    assert (part.status_code, part.content) == (206, whole[3:6])
    assert client.http.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_an_export_expires_after_a_week(client):
    export_id = client.order()
    url = client.export(export_id)["Files"][0]["Url"]
    client.sandbox.advance(7 * 86_400 + 1)
    export = client.export(export_id)
    assert (export["Status"], export["Files"]) == ("Expired", [])
    assert export["ExpiresUtc"] == "2024-06-22T12:00:00Z"
    assert client.http.get(url).status_code == 403


def test_an_export_of_another_token_is_left_out(client, hotel):
    mine, theirs = client.order(), hotel.order()
    found = client.post("exports/getAll", ExportIds=[mine, theirs, made_id("nobody's")]).json()["Exports"]
    assert [export["Id"] for export in found] == [mine]


def test_a_token_without_the_right_may_not_export(client):
    restricted = Client(client.sandbox, client.sandbox.no_exports_token)
    assert restricted.post("exports/add", EntityType="Bill").status_code == 401
    assert restricted.post("exports/getAll", ExportIds=[made_id("x")]).status_code == 401
    assert restricted.page("enterprises/getAll")["Enterprises"]
