"""Pages: newest first, in half-open windows or with both ends, each token seeing its own."""

import time
from datetime import datetime

import msgspec
import pytest

from mews_assets.sandbox.running import ServerLimits, running_sandbox
from mews_assets.sandbox.server.operations import OPERATIONS
from mews_assets_tests.sandbox.made import (
    NORTH,
    NORTH_CHAIN,
    NORTH_STAY,
    NOW,
    SOUTH,
    Client,
    between,
    hotels,
    item,
    made_id,
)

JUNE = between("2024-06-01T00:00:00Z", "2024-06-30T00:00:00Z")


def test_a_page_shows_the_newest_version_of_each_record_and_hides_the_future(client):
    assert client.names("orderItems/getAll", "OrderItems") == ["bar", "tax", "room 2"]


def test_the_clock_brings_the_future_into_sight(client):
    client.sandbox.set_clock("2024-06-20T00:00:00Z", running=False)
    assert "later" in client.names("orderItems/getAll", "OrderItems")


@pytest.fixture
def inclusive(client):
    """The same, with both ends of intervals included, as before 2026."""
    client.sandbox.read_intervals("inclusive")
    yield client
    client.sandbox.read_intervals("half-open")


def test_a_window_includes_its_start_and_not_its_end(client):
    ends = between("2024-06-03T00:00:00Z", "2024-06-04T00:00:00Z")
    assert client.names("orderItems/getAll", "OrderItems", UpdatedUtc=ends) == ["tax", "room 2"]
    just_after = between("2024-06-03T00:00:00Z", "2024-06-04T00:00:00.000001Z")
    assert client.names("orderItems/getAll", "OrderItems", UpdatedUtc=just_after) == ["bar", "tax", "room 2"]
    inside = between("2024-06-03T00:00:00.000001Z", "2024-06-03T23:59:59Z")
    assert client.names("orderItems/getAll", "OrderItems", UpdatedUtc=inside) == ["room 2"]


def test_a_window_whose_ends_are_equal_holds_that_instant(client):
    one = between("2024-06-04T00:00:00Z", "2024-06-04T00:00:00Z")
    assert client.names("orderItems/getAll", "OrderItems", UpdatedUtc=one) == ["bar"]


def test_both_ends_of_a_window_are_included_where_intervals_are_inclusive(inclusive):
    ends = between("2024-06-03T00:00:00Z", "2024-06-04T00:00:00Z")
    assert inclusive.names("orderItems/getAll", "OrderItems", UpdatedUtc=ends) == ["bar", "tax", "room 2"]


def test_a_record_that_moved_on_is_not_in_its_old_window(client):
    day = between("2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z")
    assert client.names("orderItems/getAll", "OrderItems", UpdatedUtc=day) == []


def test_other_instants_can_be_asked_for_with_their_fractions(client):
    at = between("2024-06-02T00:00:00Z", "2024-06-02T00:00:00Z")
    assert client.names("orderItems/getAll", "OrderItems", ConsumedUtc=at) == ["room 2"]
    half = between("2024-06-02T00:00:00.5Z", "2024-06-02T00:00:01Z")
    assert client.names("orderItems/getAll", "OrderItems", ConsumedUtc=half) == ["tax"]


def test_the_cursor_leads_from_page_to_page_and_ends_in_null(client):
    seen, cursor = [], None
    while True:
        page = client.page("orderItems/getAll", 1, cursor)
        cursor = page["Cursor"]
        if cursor is None:
            break
        assert cursor == page["OrderItems"][-1]["Id"]
        seen.append(page["OrderItems"][0]["Name"])
    assert seen == ["bar", "tax", "room 2"]


def test_a_cursor_that_names_no_record_is_refused(client):
    answer = client.post("orderItems/getAll", Limitation={"Count": 1, "Cursor": made_id("nothing")})
    assert answer.status_code == 400


def test_a_record_that_changes_between_two_pages_keeps_its_place(sandbox):
    client = Client(sandbox)
    for n in range(4):
        sandbox.put_record("OrderItem", {"Id": made_id(f"i{n}"), "EnterpriseId": NORTH, "Name": f"i{n}"})
        sandbox.advance(1)
    first = client.page("orderItems/getAll", 2)
    sandbox.put_record("OrderItem", {"Id": first["Cursor"], "EnterpriseId": NORTH, "Name": "changed"})
    second = client.page("orderItems/getAll", 2, first["Cursor"])
    assert [one["Name"] for one in first["OrderItems"] + second["OrderItems"]] == ["i3", "i2", "i1", "i0"]


def test_an_empty_page_is_204_for_who_prefers_the_minimum(client):
    nothing = {"Limitation": {"Count": 1}, "OrderItemIds": [made_id("nothing")]}
    assert client.post("orderItems/getAll", {"Prefer": "return=minimal"}, **nothing).status_code == 204
    answer = client.post("orderItems/getAll", **nothing)
    assert (answer.status_code, answer.json()) == (200, {"OrderItems": [], "Cursor": None})
    assert (
        client.post("orderItems/getAll", {"Prefer": "return=minimal"}, Limitation={"Count": 1}).status_code
        == 200
    )


def test_a_hotel_token_sees_its_hotel_and_its_chain(hotel):
    assert hotel.names("enterprises/getAll", "Enterprises") == ["North"]
    assert hotel.names("orderItems/getAll", "OrderItems") == ["tax", "room 2"]
    everybody = {"Extent": {"Customers": True}, "ActivityStates": ["Active", "Deleted"]}
    assert hotel.names("customers/getAll", "Customers", **everybody) == ["bob", "ann"]
    other = Client(hotel.sandbox, hotel.sandbox.hotel_tokens[1])
    assert other.names("customers/getAll", "Customers", **everybody) == []


def test_a_portfolio_token_can_ask_for_some_of_its_hotels(client):
    assert client.names("orderItems/getAll", "OrderItems", EnterpriseIds=[SOUTH]) == ["bar"]
    assert client.names("orderItems/getAll", "OrderItems", EnterpriseIds=[SOUTH.upper()]) == ["bar"]
    chain = {"ChainIds": [NORTH_CHAIN], "Extent": {"Customers": True}}
    assert client.names("customers/getAll", "Customers", **chain) == ["ann"]


def test_without_activity_states_only_active_records_come(client):
    extent = {"Extent": {"Customers": True, "Addresses": False}}
    assert client.names("customers/getAll", "Customers", **extent) == ["ann"]
    assert client.names("customers/getAll", "Customers", **extent, ActivityStates=["Deleted"]) == ["bob"]
    assert (
        client.post("customers/getAll", Limitation={"Count": 1}, **extent, ActivityStates=["All"]).status_code
        == 400
    )


def test_without_correction_state_only_regular_bills_come_unless_they_are_named(sandbox):
    client = Client(sandbox)
    for name in ("Bill", "CorrectiveBill"):
        sandbox.put_record(
            "Bill", {"Id": made_id(name), "EnterpriseId": NORTH, "Name": name, "CorrectionState": name}
        )
    assert client.names("bills/getAll", "Bills") == ["Bill"]
    assert client.names("bills/getAll", "Bills", CorrectionState=["CorrectiveBill"]) == ["CorrectiveBill"]
    both = {"Bill", "CorrectiveBill"}
    assert set(client.names("bills/getAll", "Bills", CorrectionState=["Bill", "CorrectiveBill"])) == both
    assert set(client.names("bills/getAll", "Bills", BillIds=[made_id(name) for name in both])) == both


def test_an_extent_without_the_records_sends_none(client):
    assert client.page("customers/getAll", Extent={"Customers": False})["Customers"] is None


def test_outlet_items_are_found_by_their_bill_s_update(client):
    page = client.page(
        "outletItems/getAll", UpdatedUtc=between("2024-06-08T09:00:00Z", "2024-06-09T00:00:00Z")
    )
    assert [one["Name"] for one in page["OutletItems"]] == ["wine", "soup"]
    assert [one["Id"] for one in page["OutletBills"]] == [made_id("bill a")]
    assert page["OutletBills"][0]["UpdatedUtc"] == "2024-06-08T09:00:00Z"
    before = between("2024-06-06T00:00:00Z", "2024-06-07T00:00:00Z")
    assert client.names("outletItems/getAll", "OutletItems", UpdatedUtc=before) == ["cake"]


def test_outlet_items_are_found_by_their_own_consumption(client):
    window = between("2024-06-06T18:00:00Z", "2024-06-06T19:00:00.000001Z")
    assert client.names("outletItems/getAll", "OutletItems", ConsumedUtc=window) == ["wine", "soup"]


def test_outlet_items_are_found_by_their_bill_s_closing(client):
    window = between("2024-06-06T20:00:00Z", "2024-06-06T20:00:00Z")
    assert client.names("outletItems/getAll", "OutletItems", ClosedUtc=window) == ["cake", "wine", "soup"]
    both = {"ClosedUtc": window, "ConsumedUtc": between("2024-06-06T20:00:00Z", "2024-06-06T21:00:00Z")}
    assert client.names("outletItems/getAll", "OutletItems", **both) == ["cake"]


def test_a_bill_comes_again_with_every_page_that_holds_one_of_its_items(client):
    bills, cursor = [], None
    for _ in range(3):
        page = client.page("outletItems/getAll", 1, cursor, UpdatedUtc=JUNE)
        cursor = page["Cursor"]
        bills += [bill["Id"] for bill in page["OutletBills"]]
    assert bills == [made_id("bill b"), made_id("bill a"), made_id("bill a")]


def test_reservations_can_be_asked_for_by_the_nights_they_touch(client):
    for window, found in (
        (between("2024-06-12T09:00:00Z", "2024-06-20T00:00:00Z"), 1),
        (between("2024-06-12T09:00:01Z", "2024-06-20T00:00:00Z"), 0),
        (between("2024-06-11T00:00:00Z", "2024-06-11T01:00:00Z"), 1),
    ):
        page = client.page("reservations/getAll/2023-06-06", CollidingUtc=window)
        assert len(page["Reservations"]) == found


def test_the_beta_addresses_name_the_enterprise_and_the_company(client):
    asked = {"ServiceIds": [NORTH_STAY], "UpdatedUtc": JUNE}
    stay = client.page("serviceOrders/reservations/getAlll", **asked)["Reservations"][0]
    assert (stay["EnterpriseId"], stay["CompanyId"]) == (NORTH, made_id("firm"))
    assert stay["State"] == "Enquired"
    assert not {"ScheduledStartUtc", "ScheduledEndUtc", "QrCodeData"} & set(stay)
    order = client.page("serviceOrders/productServiceOrders/getAlll", **asked)["ProductServiceOrders"][0]
    assert order["EnterpriseId"] == NORTH
    assert "CompanyId" not in order


def test_today_s_addresses_name_neither(client):
    stay = client.page("reservations/getAll/2023-06-06", ServiceIds=[NORTH_STAY])["Reservations"][0]
    assert not {"EnterpriseId", "CompanyId"} & set(stay)
    assert stay["ScheduledStartUtc"] == "2024-06-10T13:00:00Z"


def test_services_can_be_asked_for_by_type(client):
    found = client.page("services/getAll", ServiceType="Bookable", EnterpriseIds=[NORTH])["Services"]
    assert [one["Id"] for one in found] == [NORTH_STAY]
    assert client.page("services/getAll", ServiceType="Additional")["Services"] == []


@pytest.mark.parametrize("address", list(OPERATIONS))
def test_every_operation_takes_each_of_its_filters(client, address):
    operation = OPERATIONS[address]
    needed = {one.parameter: [made_id("x")] for one in operation.lists if one.required}
    needed |= {one: JUNE if one.endswith("Utc") else [made_id("x")] for one in operation.one_of[1:2]}
    if operation.extent:
        needed["Extent"] = {operation.records_key: True}
    filters = [{one.parameter: ["x"]} for one in operation.lists]
    filters += [{one.parameter: JUNE} for one in operation.intervals]
    filters += [{name: "x"} for name in operation.single]
    for one in filters:
        assert operation.records_key in client.page(address, **{**needed, **one})


def test_records_are_sent_byte_for_byte():
    strange = msgspec.json.encode({"Id": made_id("odd"), "UpdatedUtc": "2024-06-01T00:00:00Z"})[:-1]
    strange += b',"Value":1.10,"Big":12345678901234567890.5,"Text":"\\u00e9"}'
    odd = item("odd", "2024-06-01T00:00:00Z")
    records = [*hotels(), type(odd)("OrderItem", odd.id, NORTH, odd.stamp_us, strange)]
    with running_sandbox(records, now=datetime.fromisoformat(NOW)) as sandbox:
        client = Client(sandbox)
        assert strange in client.post("orderItems/getAll", Limitation={"Count": 1}).content
        assert client.lines() == [strange]


def test_twenty_small_pages_take_less_than_a_delayed_acknowledgement_each(client):
    start = time.monotonic()
    for _ in range(20):
        client.page("enterprises/getAll")
    assert time.monotonic() - start < 20 * 0.04


def test_a_sandbox_that_sends_few_records_in_a_page_sends_a_cursor_until_there_are_none():
    records = [*hotels(), *(item(f"{n}", f"2024-06-0{n}T00:00:00Z", Name=f"{n}") for n in range(1, 6))]
    with running_sandbox(
        records, now=datetime.fromisoformat(NOW), limits=ServerLimits(page_records=2)
    ) as sandbox:
        client, cursor, lengths = Client(sandbox), None, []
        while not lengths or cursor is not None:
            page = client.page("orderItems/getAll", 1000, cursor)
            lengths.append(len(page["OrderItems"]))
            cursor = page["Cursor"]
    assert lengths == [2, 2, 1, 0]
