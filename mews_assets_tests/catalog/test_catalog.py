"""The rows of the catalog: all of them there, complete, and described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mews_assets import catalog
from mews_assets.catalog import TABLES, UnknownTableError, partners, table, tables
from mews_assets.catalog.entities.reference import ENTERPRISES, REFERENCES
from mews_assets.catalog.model import Column, Export, FetchMethod, Kind, Pages, ParentKey, ScopeKind, Table

COLUMNS = {each.entity: each.columns for each in (*TABLES, *REFERENCES)}

# Counted in Mews' reference as of August 2026, in its tables and examples:
# columns, of them required, of them deprecated, and columns at all depths.
COUNTS = {
    "OrderItem": (31, 17, 0, 79),
    "Payment": (25, 12, 0, 112),
    "Reservation": (40, 21, 2, 46),
    "Customer": (46, 13, 6, 46),
    "Company": (32, 7, 3, 36),
    "Bill": (35, 9, 8, 102),  # 2 of them only in the example: SubdivisionCode
    "AvailabilityAdjustment": (14, 8, 3, 16),
    "AvailabilityBlock": (30, 13, 0, 35),
    "ResourceBlock": (12, 10, 0, 12),
    "LedgerEntry": (15, 10, 0, 15),
    "OutletItem": (15, 9, 1, 26),
    "OutletBill": (7, 5, 0, 7),
    "Enterprise": (31, 21, 1, 41),
    "ProductServiceOrder": (19, 12, 0, 23),
    "Service": (15, 10, 5, 18),
    "Outlet": (6, 6, 0, 6),
    "AccountingCategory": (12, 6, 0, 12),
    "Resource": (12, 11, 0, 14),
    "ResourceCategory": (14, 12, 0, 14),
    "ResourceCategoryAssignment": (6, 6, 0, 6),
    "ResourceCategoryImageAssignment": (7, 7, 0, 7),
    "ResourceFeature": (9, 9, 0, 9),
    "ResourceFeatureAssignment": (6, 6, 0, 6),
    "RateGroup": (10, 7, 0, 10),
    "Rate": (20, 11, 1, 20),
    "BusinessSegment": (6, 6, 0, 6),
    "AgeCategory": (11, 7, 0, 11),
    "Source": (5, 5, 0, 5),
    "SourceAssignment": (4, 4, 0, 4),
    "ReservationGroup": (5, 2, 0, 5),
    "Companionship": (4, 3, 0, 4),
    "ServiceOrderNote": (6, 3, 0, 6),
    "IdentityDocument": (
        11,
        4,
        0,
        11,
    ),  # Type, the fifth that Mews requires, is empty once its customer is forgotten
    "ReservationSourceAssignment": (5, 5, 0, 5),
    "Restriction": (6, 4, 0, 56),
    "AccountNote": (8, 8, 0, 14),
    "AccountAddress": (14, 4, 0, 14),
    "CreditCard": (12, 9, 0, 12),
    "LoyaltyMembership": (15, 8, 1, 21),
    "CashierTransaction": (9, 6, 0, 14),
    "PaymentRequest": (15, 11, 1, 26),
    "Task": (10, 6, 0, 10),  # documented are 7: an open task has no ClosedUtc
    "MessageThread": (6, 6, 0, 6),
    "Cashier": (6, 6, 0, 6),
    "Counter": (9, 9, 0, 9),
    "Department": (6, 6, 0, 6),
    "Taxation": (3, 3, 0, 3),
    "TaxRate": (5, 4, 0, 9),
    "TaxEnvironment": (5, 3, 0, 5),
    "Currency": (2, 2, 0, 2),
    "ExchangeRate": (5, 5, 0, 5),
    "Country": (3, 3, 0, 3),
    "CountrySubdivision": (3, 3, 0, 3),
    "CountryRules": (3, 3, 0, 3),
    "CountryGroup": (3, 3, 0, 3),
    "Language": (4, 3, 0, 4),
    "ProductCategory": (10, 9, 0, 10),  # ParentProductCategory as JSON: table and example differ
    "Product": (31, 20, 8, 55),
    "Rule": (5, 5, 0, 28),
    "RuleAction": (3, 2, 0, 7),
    "CancellationPolicy": (11, 10, 0, 13),
    "ServiceOverbookingLimit": (8, 8, 0, 8),
    "TravelAgencyContract": (18, 7, 0, 20),
    "BillingAutomation": (16, 12, 0, 38),
    "RoutingRule": (10, 9, 0, 13),
    "Voucher": (14, 9, 1, 14),
    "VoucherAssignment": (2, 2, 0, 2),
    "VoucherCode": (9, 4, 1, 9),
    "LoyaltyProgram": (6, 6, 0, 6),
    "LoyaltyTier": (5, 5, 0, 5),
    "Configuration": (5, 3, 0, 82),
    "Device": (4, 3, 0, 4),
}

# Wherever one of these names stands, it tells who somebody is.
TELLTALE_NAMES = {
    "FirstName",
    "LastName",
    "SecondLastName",
    "BirthDate",
    "BirthPlace",
    "Email",
    "InvoicingEmail",
    "Phone",
    "Telephone",
    "TaxIdentifier",
    "TaxIdentificationNumber",
    "ContactPerson",
    "CarRegistrationNumber",
    "BillingName",
    "QrCodeData",
    "Notes",
    "LegalIdentifiers",
    "Line1",
    "PostalCode",
    "Passport",
    "IdentityCard",
}

by_table = pytest.mark.parametrize("each", TABLES, ids=lambda each: each.name)
by_entity = pytest.mark.parametrize("entity", COLUMNS)


def at_all_depths(columns: tuple[Column, ...]) -> Iterator[Column]:
    for column in columns:
        yield column
        yield from at_all_depths(column.columns)


def test_fourteen_tables_are_fetched_unless_others_are_named() -> None:
    assert [each.name for each in tables()] == [
        "order_items",
        "payments",
        "reservations",
        "product_service_orders",
        "customers",
        "companies",
        "bills",
        "availability_adjustments",
        "availability_blocks",
        "resource_blocks",
        "ledger_entries",
        "outlet_items",
        "outlet_bills",
        "source_assignments",
    ]


def test_no_table_and_no_entity_is_there_twice() -> None:
    every = (*TABLES, *REFERENCES)
    assert len({each.name for each in every}) == len({each.entity for each in every}) == len(every)


def test_door_codes_are_no_table() -> None:
    assert not {"resource_access_tokens"} & {each.name for each in (*TABLES, *REFERENCES)}


def test_every_counted_entity_is_declared_and_the_other_way_round() -> None:
    assert set(COLUMNS) == set(COUNTS)


@by_entity
def test_an_entity_has_as_many_columns_as_mews_documents(entity: str) -> None:
    columns = COLUMNS[entity]
    assert COUNTS[entity] == (
        len(columns),
        sum(column.required for column in columns),
        sum(column.deprecated for column in columns),
        sum(1 for _ in at_all_depths(columns)),
    )


@by_entity
def test_every_column_says_what_it_means_in_one_sentence(entity: str) -> None:
    for column in at_all_depths(COLUMNS[entity]):
        assert column.description.endswith("."), column.name
        assert column.description[0].isupper() or column.description[0].isdigit(), column.name
        assert len(column.description) <= 110, column.name


# An enterprise is no guest: its phone and address are those of a hotel.
@pytest.mark.parametrize("entity", sorted(COLUMNS.keys() - {"Enterprise", "Configuration"}))
def test_personal_data_is_marked_wherever_it_stands(entity: str) -> None:
    for column in at_all_depths(COLUMNS[entity]):
        assert column.pii or column.name not in TELLTALE_NAMES, column.name


@by_entity
def test_an_object_that_holds_personal_data_is_personal_itself(entity: str) -> None:
    for column in at_all_depths(COLUMNS[entity]):
        if any(nested.pii for nested in column.columns):
            assert column.pii, column.name


def test_nothing_of_an_enterprise_is_personal() -> None:
    assert not any(column.pii for column in at_all_depths(ENTERPRISES.columns))


@by_table
def test_the_description_of_a_table_gives_its_grain(each: Table) -> None:
    assert each.description.startswith(("One row per version of a ", "One row per version of an "))
    assert each.description.endswith(".")


@by_table
def test_the_version_column_of_a_table_is_required_unless_mews_leaves_it_open(each: Table) -> None:
    required = {column.name for column in each.required_columns}
    named = {"Id", each.version_column} - {None}
    assert named - required == ({"UpdatedUtc"} if each.name in ("companies", "addresses") else set())


# What Mews' reference has, as of August 2026: its exports, and its paginated operations with their filters.
BOTH_WAYS = {
    "order_items": "orderItems/getAll",
    "payments": "payments/getAll",
    "reservations": "reservations/getAll/2023-06-06",
    "customers": "customers/getAll",
    "companies": "companies/getAll",
    "bills": "bills/getAll",
    "availability_adjustments": "availabilityAdjustments/getAll",
    "availability_blocks": "availabilityBlocks/getAll",
    "resource_blocks": "resourceBlocks/getAll",
    "ledger_entries": "ledgerEntries/getAll",
}
FILTERS = {"ledger_entries": "PostingDate", "cashier_transactions": "CreatedUtc", "tasks": "CreatedUtc"}
BY_PAGES_ONLY = {
    "product_service_orders": "productServiceOrders/getAll",
    "outlet_items": "outletItems/getAll",
    "outlet_bills": "outletItems/getAll",
    "source_assignments": "sourceAssignments/getAll",
    "reservation_groups": "reservationGroups/getAll",
    "reservation_source_assignments": "sourceAssignments/getAll/2024-09-20",
    "restrictions": "restrictions/getAll",
    "account_notes": "accountNotes/getAll",
    "addresses": "addresses/getAll",
    "credit_cards": "creditCards/getAll",
    "loyalty_memberships": "loyaltyMemberships/getAll",
    "cashier_transactions": "cashierTransactions/getAll",
    "payment_requests": "paymentRequests/getAll",
    "tasks": "tasks/getAll",
    "message_threads": "messageThreads/getAll",
    "companionships": "companionships/getAll",
    "service_order_notes": "serviceOrderNotes/getAll",
    "identity_documents": "identityDocuments/getAll",
}


@by_table
def test_a_table_is_asked_for_in_every_way_that_mews_has(each: Table) -> None:
    if each.name in BY_PAGES_ONLY:
        assert (each.fetch_methods, each.alternative) == ((FetchMethod.PAGES,), None)
    else:
        assert isinstance(each.fetch, Export)
        assert each.fetch.entity_type == each.entity
        assert each.fetch_methods == (
            (FetchMethod.EXPORT, FetchMethod.PAGES) if each.name in BOTH_WAYS else (FetchMethod.EXPORT,)
        )
    paged = each.fetched_by(FetchMethod.PAGES).fetch
    assert isinstance(paged, Pages)
    assert paged.operation == {**BOTH_WAYS, **BY_PAGES_ONLY}[each.name]
    assert paged.filter == FILTERS.get(each.name, "UpdatedUtc")
    assert paged.by_dates == each.by_day
    assert paged.scope_parameter == ("ChainIds" if each.scope is ScopeKind.CHAIN else "EnterpriseIds")
    assert paged.is_documented == (each.name != "ledger_entries")


def test_pages_ask_for_all_that_an_export_holds() -> None:
    """Left out, these bring active records only, and regular bills only."""
    asked = {each.name: each.alternative.parameters for each in TABLES if isinstance(each.alternative, Pages)}
    with_deleted = {
        name for name, sent in asked.items() if sent.get("ActivityStates") == ["Active", "Deleted"]
    }
    assert with_deleted == {
        "customers",
        "companies",
        "availability_adjustments",
        "availability_blocks",
        "resource_blocks",
    }
    assert asked["bills"] == {"CorrectionState": ["Bill", "CorrectiveBill"]}
    assert asked["customers"]["Extent"] == {"Customers": True, "Addresses": False}
    assert asked["availability_blocks"]["Extent"] == {"AvailabilityBlocks": True}


@by_table
def test_the_way_a_table_is_fetched_changes_nothing_else_of_it(each: Table) -> None:
    for way in FetchMethod:
        chosen = each.fetched_by(way)
        assert chosen.fetch.way is (way if way in each.fetch_methods else each.fetch.way)
        assert replace(chosen, fetch=each.fetch, alternative=each.alternative) == each
        assert chosen.fetched_by(each.fetch.way) == each
        assert [one.name for one in partners(chosen)] == [one.name for one in partners(each)]


def test_only_people_and_companies_belong_to_a_chain() -> None:
    in_chains = {each.name: each.scope_column for each in TABLES if each.scope is ScopeKind.CHAIN}
    assert in_chains == {
        "customers": "ChainId",
        "companies": "ChainId",
        "account_notes": None,
        "addresses": None,
        "loyalty_memberships": "ChainId",
        "identity_documents": None,
    }


def test_few_kinds_of_rows_do_not_tell_whose_they_are() -> None:
    assert [each.name for each in TABLES if each.scope_column is None] == [
        "availability_adjustments",
        "reservation_source_assignments",
        "account_notes",
        "addresses",
        "message_threads",
        "companionships",
        "service_order_notes",
        "identity_documents",
    ]


def test_some_rows_carry_no_stamp_and_are_told_apart_by_their_windows() -> None:
    assert [each.name for each in TABLES if not each.is_stamped] == [
        "source_assignments",
        "reservation_groups",
        "restrictions",
        "account_notes",
        "loyalty_memberships",
        "tasks",
        "companionships",
        "service_order_notes",
        "identity_documents",
    ]
    assert {each.version_field for each in TABLES if not each.is_stamped} == {"_window_utc"}


def test_service_orders_belong_to_the_enterprise_of_their_service() -> None:
    looked_up = {each.name: each.scope_column for each in TABLES if each.lookup is not None}
    assert looked_up == {
        "reservations": "ServiceId",
        "product_service_orders": "ServiceId",
        "source_assignments": "ReservationGroupId",
        "restrictions": "ServiceId",
    }


def test_ledger_entries_are_dealt_by_the_day_of_posting() -> None:
    ledger = table("ledger_entries")
    assert (ledger.window_column, ledger.version_column) == ("PostingDate", "CreatedUtc")
    assert isinstance(ledger.fetch, Export)
    assert ledger.fetch.filter == "Posting"


def test_outlet_items_are_dealt_by_their_bill_which_comes_with_them() -> None:
    items = table("outlet_items")
    assert items.parent_key == ParentKey("outlet_bills", "BillId")
    assert table("outlet_bills") in partners(items)


@by_table
def test_a_table_found_through_another_comes_with_it(each: Table) -> None:
    if each.parent_key:
        assert each.parent_key.table in [partner.name for partner in partners(each)]


def test_partners_are_the_tables_of_one_request() -> None:
    items, bills = table("outlet_items"), table("outlet_bills")
    assert partners(items) == partners(bills) == (items, bills)
    assert partners(table("bills")) == (table("bills"),)


def test_a_table_that_asks_otherwise_is_no_partner_even_of_the_same_operation() -> None:
    items = table("outlet_items")
    assert isinstance(items.fetch, Pages)
    in_euros = replace(
        items, name="outlet_items_in_euros", fetch=replace(items.fetch, parameters={"Currency": "EUR"})
    )
    assert partners(in_euros) == (in_euros,)


def test_a_table_not_in_the_catalog_is_its_own_partner_at_least() -> None:
    towels = replace(table("bills"), name="towels", entity="Towel", fetch=Export("Towel"))
    assert partners(towels) == (towels,)


def test_tables_are_looked_up_by_name_in_the_order_asked_for() -> None:
    assert tables(["bills", "payments", "bills"]) == (table("bills"), table("payments"))
    assert tables() == tuple(each for each in TABLES if each.is_standard)
    assert tables([]) == ()


def test_an_unknown_table_is_refused_by_naming_those_there_are() -> None:
    with pytest.raises(UnknownTableError) as refusal:
        tables(["bills", "towels"])
    assert isinstance(refusal.value, KeyError)
    assert str(refusal.value).startswith(
        "the catalog has no table 'towels'; choose from order_items, payments,"
    )


def test_a_table_added_to_the_catalog_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    towels = replace(table("bills"), name="towels", entity="Towel", fetch=Export("Towel"))
    monkeypatch.setattr(catalog, "TABLES", (*TABLES, towels))
    assert table("towels") is towels
    assert towels in tables()


def test_known_enum_values_stand_in_mews_order_and_once() -> None:
    customers = {column.name: column for column in table("customers").columns}
    assert customers["Sex"].values == ("Male", "Female")
    assert customers["Options"].values[:3] == ("None", "SendMarketingEmails", "Invoiceable")
    assert len(customers["Options"].values) == 10
    assert all(column.kind is Kind.ENUM for column in customers.values() if column.values)
