"""What is personal, by its mark: keys never are, and every way to a person is marked."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mews_assets import catalog
from mews_assets.catalog.columns import integer, string
from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.catalog.privacy import (
    KEEP,
    Pii,
    Privacy,
    has_personal,
    is_data_subject_table,
    is_hashed,
    survives_erasure,
    with_nullable_pii,
)

KEY = b"a key that nobody guesses"


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_no_key_stamp_or_scope_is_personal(table: Table) -> None:
    keys = {"Id", table.scope_column, table.window_column, table.version_column}
    keys |= {table.parent_key.column} if table.parent_key else set()
    assert [column.name for column in table.columns if column.name in keys and has_personal(column)] == []


def _all(columns: tuple[Column, ...]) -> Iterator[Column]:
    for column in columns:
        yield column
        yield from _all(column.columns)


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_every_column_that_holds_a_customers_id_is_marked(table: Table) -> None:
    names = re.compile(r"(Account|Associated.*|Booker|Customer|Owner|Companion|Payer)Ids?")
    holding = [one for one in _all(table.columns) if names.fullmatch(one.name)]
    holding += [
        one for one in _all(table.columns) if "of the customer" in one.description and one.name == "Id"
    ]
    assert [one.name for one in holding if not one.person] == []


@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_what_mews_requires_of_a_person_can_be_emptied_without_looking_like_a_fault(table: Table) -> None:
    personal = [column for column in table.required_columns if column.pii]
    assert [one.name for one in personal if not (one.is_list or is_hashed(one))] == []


def test_only_customers_are_records_about_people() -> None:
    assert [table.name for table in catalog.TABLES if is_data_subject_table(table)] == ["customers"]


def test_of_a_forgotten_customer_only_keys_and_what_mews_requires_stays() -> None:
    customers = catalog.table("customers")
    staying = {column.name for column in customers.columns if survives_erasure(customers, column)}
    assert {"Id", "ChainId", "UpdatedUtc", "MergeTargetId", "IsActive"} <= staying
    assert not staying & {"LastName", "Email", "PreferredLanguageCode", "AddressId", "Classifications"}


def test_nothing_is_required_of_a_column_that_the_policy_empties() -> None:
    customers = catalog.table("customers")
    required = {pii: {one.name for one in with_nullable_pii(customers, pii).required_columns} for pii in Pii}
    assert required[Pii.KEEP] - required[Pii.HASH] == {"Classifications"}
    assert required[Pii.HASH] - required[Pii.DROP] == {"LastName"}


def test_the_key_stands_in_no_text_and_its_fingerprint_tells_it_apart() -> None:
    privacy = Privacy(Pii.HASH, KEY)
    assert KEY.decode() not in repr(privacy)
    assert privacy.fingerprint == Privacy(Pii.HASH, KEY).fingerprint
    assert privacy.fingerprint != Privacy(Pii.HASH, KEY + b"!").fingerprint
    assert privacy.digest("Nováková") == Privacy(Pii.HASH, KEY).digest("Nováková")
    assert re.fullmatch("[0-9a-f]{32}", privacy.digest(""))


def test_what_hides_more_is_told_from_what_shows_more() -> None:
    hashed, dropped = Privacy(Pii.HASH, KEY), Privacy(Pii.DROP)
    assert dropped.only_hides_more_than(hashed)
    assert hashed.only_hides_more_than(KEEP)
    assert not KEEP.only_hides_more_than(hashed)
    assert not hashed.only_hides_more_than(dropped)
    assert not hashed.only_hides_more_than(Privacy(Pii.HASH, KEY + b"!"))


def test_an_id_by_which_a_person_is_found_cannot_be_hidden() -> None:
    with pytest.raises(ValueError, match="must be a string"):
        string("AccountId", "Id of the customer.", person=True, pii=True)
    with pytest.raises(ValueError, match="must be a string"):
        integer("AccountId", "Id of the customer.", person=True)
    assert string("AccountId", "Id of the customer.", person=True).kind is Kind.STRING
