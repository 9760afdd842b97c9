"""What is refused, asked over HTTP: every rule of the API that can be broken by a body."""

from datetime import datetime

import pytest

from mews_assets.sandbox.running import ServerLimits, running_sandbox
from mews_assets_tests.sandbox.made import NORTH, NORTH_STAY, NOW, Client, between, hotels, made_id, version

JSON = {"Content-Type": "application/json"}
LIMIT = {"Count": 10}
WINDOW = between("2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z")


def test_an_unknown_address_is_404(client):
    assert client.post("orderItems/getEverything", Limitation=LIMIT).status_code == 404
    assert client.http.post(client.sandbox.address + "/elsewhere").status_code == 404


def test_a_trailing_slash_is_404(client):
    assert client.post("orderItems/getAll/", Limitation=LIMIT).status_code == 404


def test_addresses_are_case_sensitive(client):
    assert client.post("orderitems/getall", Limitation=LIMIT).status_code == 404
    assert client.post("Exports/add", EntityType="Bill").status_code == 404


def test_an_operation_is_a_post(client):
    assert client.http.get("orderItems/getAll").status_code == 405


@pytest.mark.parametrize("text", ['{"A": 1,}', '{"A": NaN}', '{"A": 1', "", "{'A': 1}"])
def test_json_that_is_not_strict_is_400(client, text):
    assert client.http.post("orderItems/getAll", content=text, headers=JSON).status_code == 400


@pytest.mark.parametrize("text", ["[]", '"text"', "null", "7"])
def test_a_body_that_is_no_object_is_400(client, text):
    assert client.http.post("orderItems/getAll", content=text, headers=JSON).status_code == 400


def test_an_error_says_what_why_and_its_request_id(client):
    answer = client.post("orderItems/getAll")
    assert answer.status_code == 400
    assert set(answer.json()) == {"Message", "RequestId", "Details"}
    assert answer.json()["Message"] == "Invalid Limitation."
    assert answer.json()["RequestId"] == answer.headers["Request-Id"]


def test_every_answer_has_a_request_id(client):
    answers = [client.post("enterprises/getAll", Limitation=LIMIT), client.post("nowhere")]
    answers.append(client.http.get(client.sandbox.address + "/files/none.jsonl"))
    answers.append(client.http.get(client.sandbox.address + "/control/clock"))
    ids = {answer.headers["Request-Id"] for answer in answers}
    assert len(ids) == 4


def test_a_body_that_is_too_large_is_413(client):
    assert client.post("orderItems/getAll", Limitation=LIMIT, Padding="x" * 2_000_001).status_code == 413


@pytest.mark.parametrize("name", ["ClientToken", "AccessToken", "Client"])
def test_the_three_credentials_are_required(client, name):
    assert client.post("orderItems/getAll", Limitation=LIMIT, **{name: None}).status_code == 400


@pytest.mark.parametrize("name", ["ClientToken", "AccessToken"])
def test_a_wrong_token_is_401_and_is_not_echoed(client, name):
    answer = client.post("orderItems/getAll", Limitation=LIMIT, **{name: "a-wrong-token"})
    assert answer.status_code == 401
    assert "a-wrong-token" not in answer.text


@pytest.mark.parametrize("count", [0, 1001, "10", 1.5, True, None])
def test_a_page_holds_1_to_1000_records(client, count):
    assert client.post("orderItems/getAll", Limitation={"Count": count}).status_code == 400


def test_a_list_of_ids_has_at_most_1000(client):
    ids = [made_id(str(n)) for n in range(1001)]
    assert client.post("orderItems/getAll", Limitation=LIMIT, OrderItemIds=ids).status_code == 400
    assert client.post("orderItems/getAll", Limitation=LIMIT, OrderItemIds=ids[:1000]).status_code == 200
    assert client.post("exports/getAll", ExportIds=ids).status_code == 400
    assert client.post("exports/add", EntityType="Bill", Scope={"EnterpriseIds": ids}).status_code == 400
    assert client.post("orderItems/getAll", Limitation=LIMIT, AccountIds=ids[:101]).status_code == 400


@pytest.mark.parametrize("ids", [[], "one", [1], {}])
def test_a_list_of_ids_is_an_array_of_strings_that_is_not_empty(client, ids):
    assert client.post("orderItems/getAll", Limitation=LIMIT, OrderItemIds=ids).status_code == 400


def test_an_interval_of_pages_is_at_most_3_calendar_months(client):
    for start, end, status in (
        ("2024-01-31T00:00:00Z", "2024-04-30T00:00:00Z", 200),
        ("2024-01-31T00:00:00Z", "2024-04-30T00:00:01Z", 400),
        ("2023-11-30T00:00:00Z", "2024-02-29T00:00:00Z", 200),
        ("2023-11-30T00:00:00Z", "2024-03-01T00:00:00Z", 400),
    ):
        answer = client.post("orderItems/getAll", Limitation=LIMIT, UpdatedUtc=between(start, end))
        assert answer.status_code == status, (start, end)


@pytest.mark.parametrize(
    "window",
    [
        "2024-06-01",
        {},
        {"StartUtc": "2024-06-01T00:00:00Z"},
        between("2024-06-02T00:00:00Z", "2024-06-01T00:00:00Z"),
        between("yesterday", "2024-06-01T00:00:00Z"),
        between("2024-06-01", "2024-06-02"),
    ],
)
def test_an_interval_needs_two_instants_in_order(client, window):
    assert client.post("orderItems/getAll", Limitation=LIMIT, UpdatedUtc=window).status_code == 400
    answer = client.post("exports/add", EntityType="Bill", Filters={"UpdatedUtc": window})
    assert answer.status_code == 400


def test_outlet_items_need_at_least_one_filter(client):
    assert client.post("outletItems/getAll", Limitation=LIMIT, EnterpriseIds=[NORTH]).status_code == 400
    assert client.post("outletItems/getAll", Limitation=LIMIT, UpdatedUtc=WINDOW).status_code == 200
    assert client.post("outletItems/getAll", Limitation=LIMIT, Ids=[NORTH]).status_code == 200


@pytest.mark.parametrize(
    "operation",
    [
        "productServiceOrders/getAll",
        "serviceOrders/productServiceOrders/getAlll",
        "serviceOrders/reservations/getAlll",
    ],
)
def test_service_orders_need_their_services(client, operation):
    assert client.post(operation, Limitation=LIMIT).status_code == 400
    assert client.post(operation, Limitation=LIMIT, ServiceIds=[NORTH_STAY]).status_code == 200


@pytest.mark.parametrize("operation", ["customers/getAll", "availabilityBlocks/getAll"])
def test_an_extent_is_required_where_the_reference_says_so(client, operation):
    assert client.post(operation, Limitation=LIMIT).status_code == 400
    assert client.post(operation, Limitation=LIMIT, Extent={"Customers": "yes"}).status_code == 400


def test_a_hotel_outside_the_token_is_refused(client, hotel):
    assert hotel.post("orderItems/getAll", Limitation=LIMIT, EnterpriseIds=[NORTH]).status_code == 200
    unknown = made_id("unknown")
    assert client.post("orderItems/getAll", Limitation=LIMIT, EnterpriseIds=[unknown]).status_code == 400
    assert (
        client.post("exports/add", EntityType="Bill", Scope={"EnterpriseIds": [unknown]}).status_code == 400
    )


def test_currencies_are_not_converted_silently(client):
    answer = client.post("orderItems/getAll", Limitation=LIMIT, UpdatedUtc=WINDOW, Currency="EUR")
    assert answer.status_code == 400


def test_unknown_properties_of_a_body_are_let_pass(client):
    assert client.post("orderItems/getAll", Limitation=LIMIT, Whatever=1).status_code == 200


def test_an_export_window_ends_5_minutes_in_the_past(client):
    for end, status in (("2024-06-15T11:55:00Z", 200), ("2024-06-15T11:55:01Z", 400)):
        window = between("2024-06-15T00:00:00Z", end)
        answer = client.post("exports/add", EntityType="ResourceBlock", Filters={"UpdatedUtc": window})
        assert answer.status_code == status, end


def test_an_export_window_is_at_most_180_days(client):
    for start, status in (("2023-12-04T00:00:00Z", 200), ("2023-12-03T23:59:59Z", 400)):
        window = between(start, "2024-06-01T00:00:00Z")
        answer = client.post("exports/add", EntityType="AvailabilityBlock", Filters={"UpdatedUtc": window})
        assert answer.status_code == status, start


@pytest.mark.parametrize("entity", ["OutletItem", "orderItem", "", None, 3])
def test_an_entity_that_is_not_exported_is_refused(client, entity):
    assert client.post("exports/add", EntityType=entity).status_code == 400


@pytest.mark.parametrize(
    "filters",
    [
        None,
        {"UpdatedUtc": WINDOW},
        {"LedgerEntryFilters": None},
        {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-01"}}},
        {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-02", "End": "2024-06-01"}}},
        {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-01T00:00:00Z", "End": "2024-06-02"}}},
    ],
)
def test_ledger_entries_need_posting_dates(client, filters):
    assert client.post("exports/add", EntityType="LedgerEntry", Filters=filters).status_code == 400


def test_posting_dates_are_for_ledger_entries_only(client):
    posting = {"LedgerEntryFilters": {"Posting": {"Start": "2024-06-01", "End": "2024-06-02"}}}
    assert client.post("exports/add", EntityType="Bill", Filters=posting).status_code == 400


def test_ledger_entries_have_no_pages_unless_the_sandbox_is_started_with_them(client):
    asked = {"PostingDate": {"Start": "2024-06-01", "End": "2024-06-01"}, "LedgerTypes": ["Tax"]}
    assert client.post("ledgerEntries/getAll", Limitation=LIMIT, **asked).status_code == 404


def test_pages_of_ledger_entries_are_of_one_day_and_of_the_ledgers_named():
    entries = []
    wrong = (
        ({"LedgerTypes": ["Tax"]}, None),
        ({"LedgerTypes": ["Tax"]}, {"Start": "2024-06-01", "End": "2024-06-02"}),
        ({"LedgerTypes": ["Tax"]}, {"Start": "2024-06-02", "End": "2024-06-01"}),
        ({"LedgerTypes": ["Tax"]}, between("2024-06-01T00:00:00Z", "2024-06-02T00:00:00Z")),
        ({}, {"Start": "2024-06-01", "End": "2024-06-01"}),
    )
    for ledger, day in (("Tax", "2024-06-01"), ("Guest", "2024-06-01"), ("Tax", "2024-06-02")):
        named = {"EnterpriseId": NORTH, "PostingDate": day, "LedgerType": ledger, "Name": f"{ledger} {day}"}
        entries.append(version("LedgerEntry", f"{ledger} {day}", f"{day}T01:00:00Z", **named))
    with running_sandbox(
        [*hotels(), *entries], now=datetime.fromisoformat(NOW), limits=ServerLimits(ledger_pages=True)
    ) as sandbox:
        client = Client(sandbox)
        for ledgers, days in wrong:
            answer = client.post("ledgerEntries/getAll", Limitation=LIMIT, PostingDate=days, **ledgers)
            assert answer.status_code == 400, (ledgers, days)
        asked = {"LedgerTypes": ["Tax"], "PostingDate": {"Start": "2024-06-01", "End": "2024-06-01"}}
        assert client.names("ledgerEntries/getAll", "LedgerEntries", **asked) == ["Tax 2024-06-01"]
