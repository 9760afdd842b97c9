"""The control address: clock, request log, live records."""

import time

import pytest

from mews_assets.sandbox.records.entities import ENTITIES
from mews_assets_tests.sandbox.made import NORTH, NORTH_CHAIN, NORTH_STAY, Client, between, made_id


def control(client, method, name, **body):
    return client.http.request(method, f"{client.sandbox.address}/control/{name}", json=body or None)


def test_the_clock_can_be_set_and_moved(client):
    assert control(client, "POST", "clock", Now="2024-06-15T00:00:00Z", Running=False).status_code == 200
    assert control(client, "POST", "clock", AdvanceSeconds=90.5).json() == {
        "Now": "2024-06-15T00:01:30.500000Z"
    }
    assert control(client, "GET", "clock").json() == {"Now": "2024-06-15T00:01:30.500000Z"}


def test_a_running_clock_runs_on_in_real_time(client):
    client.sandbox.set_clock("2024-06-15T00:00:00Z", running=True)
    time.sleep(0.02)
    gone = client.sandbox.now.timestamp() - 1718409600
    assert 0.02 <= gone < 5


def test_the_date_header_tells_the_sandbox_s_clock(client):
    answer = client.post("enterprises/getAll", Limitation={"Count": 1})
    assert answer.headers["Date"] == "Sat, 15 Jun 2024 12:00:00 GMT"


def test_the_log_counts_and_keeps_requests_without_token_values(client):
    window = between("2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z")
    client.post(
        "exports/add", EntityType="Bill", Scope={"EnterpriseIds": [NORTH]}, Filters={"UpdatedUtc": window}
    )
    client.post("orderItems/getAll", AccessToken="wrong-token", Limitation={"Count": 1})
    log = control(client, "GET", "requests")
    assert log.json()["Counts"] == {"exports/add": 1, "orderItems/getAll": 1}
    first, second = log.json()["Requests"]
    assert (first["Operation"], first["Status"], first["AccessToken"]) == ("exports/add", 200, "portfolio")
    assert (first["EntityType"], first["ScopeSizes"]) == ("Bill", {"EnterpriseIds": 1})
    assert first["Intervals"] == {"UpdatedUtc": ["2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z"]}
    assert (first["Utc"], second["Status"], second["AccessToken"]) == ("2024-06-15T12:00:00Z", 401, None)
    assert not [
        token for token in ("sandbox-client", "sandbox-portfolio", "wrong-token") if token in log.text
    ]


def test_the_log_keeps_the_posting_dates_and_the_token_of_a_download(client):
    posting = {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-02", "End": "2024-06-03"}}}
    client.lines("LedgerEntry", Filters=posting)
    add, _, download = client.sandbox.requests()["Requests"]
    assert add["Intervals"] == {"Posting": ["2024-06-02", "2024-06-03"]}
    assert (download["Operation"], download["AccessToken"]) == ("download", "portfolio")


def test_a_reset_forgets_counts_and_planned_faults(client):
    client.sandbox.plan_fault("*", status=500)
    assert control(client, "POST", "reset").status_code == 200
    assert client.post("enterprises/getAll", Limitation={"Count": 1}).status_code == 200
    assert client.sandbox.requests()["Counts"] == {"enterprises/getAll": 1}


def test_a_record_put_live_is_a_new_version_stamped_now(sandbox):
    client = Client(sandbox)
    for name in ("before", "after"):
        record = {"Id": made_id("new"), "EnterpriseId": NORTH, "Name": name}
        assert control(client, "POST", "records", Entity="OrderItem", Record=record).status_code == 200
        sandbox.advance(60)
    found = client.page("orderItems/getAll")["OrderItems"]
    assert [(one["Name"], one["UpdatedUtc"]) for one in found] == [("after", "2024-06-15T12:01:00Z")]
    sandbox.advance(-61)
    assert client.names("orderItems/getAll", "OrderItems") == ["before"]


def test_a_record_put_live_can_have_a_stamp_of_its_own(sandbox):
    client = Client(sandbox)
    sandbox.put_record(
        "OrderItem", {"Id": made_id("a"), "EnterpriseId": NORTH}, stamp_utc="2024-06-10T00:00:00Z"
    )
    midnight = between("2024-06-10T00:00:00Z", "2024-06-10T00:00:00Z")
    found = client.page("orderItems/getAll", UpdatedUtc=midnight)["OrderItems"]
    assert [one["UpdatedUtc"] for one in found] == ["2024-06-10T00:00:00Z"]
    with pytest.raises(ValueError, match="a version that is newer"):
        sandbox.put_record(
            "OrderItem", {"Id": made_id("a"), "EnterpriseId": NORTH}, stamp_utc="2024-06-09T00:00:00Z"
        )


def test_a_reservation_put_live_belongs_to_the_hotel_of_its_service(sandbox):
    sandbox.put_record("Reservation", {"Id": made_id("r"), "ServiceId": NORTH_STAY})
    first, second = (Client(sandbox, token) for token in sandbox.hotel_tokens)
    assert len(first.page("reservations/getAll/2023-06-06")["Reservations"]) == 1
    assert second.page("reservations/getAll/2023-06-06")["Reservations"] == []


def test_a_record_that_does_not_say_whose_it_is_is_refused(sandbox):
    client = Client(sandbox)
    answer = control(client, "POST", "records", Entity="AvailabilityAdjustment", Record={"Id": made_id("x")})
    assert answer.status_code == 400
    assert "give Scope" in answer.json()["Details"]
    sandbox.put_record("AvailabilityAdjustment", {"Id": made_id("x"), "IsActive": True}, scope=NORTH)
    assert len(client.lines("AvailabilityAdjustment")) == 1


def test_a_hotel_opened_live_gets_a_token_and_is_seen_by_the_portfolio(sandbox):
    new = made_id("new hotel")
    sandbox.put_record("Enterprise", {"Id": new, "ChainId": NORTH_CHAIN, "Name": "New"})
    third = Client(sandbox, "sandbox-hotel-3")
    assert third.names("enterprises/getAll", "Enterprises") == ["New"]
    assert Client(sandbox).page("orderItems/getAll", EnterpriseIds=[new])["OrderItems"] == []


def test_an_unknown_entity_is_refused_with_the_known_ones(client):
    answer = control(client, "POST", "records", Entity="Dragon", Record={"Id": made_id("x")})
    assert answer.status_code == 400
    assert all(entity in answer.json()["Details"] for entity in ENTITIES)


def test_an_unknown_control_address_is_404_and_names_the_known_ones(client):
    answer = control(client, "GET", "everything")
    assert answer.status_code == 404
    assert "/control/requests" in answer.json()["Details"]


def test_a_record_put_with_its_newest_stamp_takes_that_versions_place(sandbox):
    client, stamp = Client(sandbox), "2024-06-14T10:00:00Z"
    for name in ("before", "after"):
        record = {"Id": made_id("r"), "EnterpriseId": NORTH, "Name": name}
        assert sandbox.put_record("OrderItem", record, stamp_utc=stamp) == stamp
    day = {"StartUtc": "2024-06-14T00:00:00Z", "EndUtc": "2024-06-15T00:00:00Z"}
    assert client.names("orderItems/getAll", "OrderItems", UpdatedUtc=day) == ["after"]
