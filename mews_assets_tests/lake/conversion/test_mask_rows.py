"""Personal data where lines become rows: kept, hashed, dropped; and what nobody may find out from the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.fields import fields
from mews_assets.catalog.model import Kind, Table
from mews_assets.catalog.privacy import KEEP, Pii, Privacy
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.conversion.mask_rows import PLACEHOLDER, RowMasker
from mews_assets.lake.errors import LakeError, RecordError
from mews_assets.lake.storage.parquet import plain
from mews_assets_tests.lake.made import OWN, full_record, write_file

KEY = Privacy(Pii.HASH, b"a key that nobody guesses")
DROP = Privacy(Pii.DROP)
CUSTOMERS, BILLS, ITEMS = catalog.table("customers"), catalog.table("bills"), catalog.table("order_items")


def rows(
    tmp_path: Path, table: Table, privacy: Privacy, *records: dict[str, Any], forgotten: tuple[str, ...] = ()
) -> pa.Table:
    source, target = write_file(tmp_path / "x.jsonl", records), tmp_path / "rows.parquet"
    convert(table, [source], target, own=OWN, masker=RowMasker(table, privacy, forgotten), threads=1)
    return pq.read_table(target)


def leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in leaves(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in leaves(inner)]
    return [str(value)]


def personal_leaves(table: Table, record: dict[str, Any]) -> set[str]:
    """Every value that only personal fields of a record hold."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for place in fields(table):
        if place.column.kind not in (Kind.OBJECT, Kind.UTC):
            value: Any = record
            for column in place.columns:
                value = [one[column.name] for one in value] if isinstance(value, list) else value[column.name]
            found[place.is_personal] |= set(leaves(value))
    return {text for text in found[True] - found[False] if len(text) > 5}


@pytest.mark.slow_after_first
@pytest.mark.parametrize("privacy", [KEY, DROP], ids=["hash", "drop"])
@pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
def test_no_personal_value_of_any_table_is_in_its_rows(
    tmp_path: Path, table: Table, privacy: Privacy
) -> None:
    record = full_record(table, 3)
    hidden = rows(tmp_path, table, privacy, record)
    (shown,) = rows(tmp_path, table, KEEP, record).to_pylist()
    secrets = personal_leaves(table, record)
    assert secrets <= set(leaves(shown))
    told = set(leaves(hidden.to_pylist()))
    assert not told & secrets
    assert hidden.schema.remove_metadata().equals(
        rows(tmp_path, table, KEEP, record).schema.remove_metadata()
    )
    (row,) = hidden.to_pylist()
    for place in fields(table):
        if len(place.columns) == 1 and not place.is_personal:
            assert row[place.path] == shown[place.path]


def test_the_same_text_has_the_same_hash_in_every_table_and_column(tmp_path: Path) -> None:
    customer = {"Id": "c", "ChainId": "x", "LastName": "Nováková", "Notes": "Nováková"}
    item = {"Id": "i", "EnterpriseId": "n", "BillingName": "Nováková", "Notes": None}
    one = rows(tmp_path, CUSTOMERS, KEY, customer).to_pylist()[0]
    other = rows(tmp_path, ITEMS, KEY, item).to_pylist()[0]
    assert one["last_name"] == one["notes"] == other["billing_name"] == KEY.digest("Nováková")
    assert other["notes"] is None


def test_what_is_no_free_text_is_empty_under_hash(tmp_path: Path) -> None:
    customer = {
        "Id": "c",
        "ChainId": "x",
        "Sex": "Female",
        "BirthDate": "1980-01-02",
        "Classifications": ["InRoom"],
    }
    (row,) = rows(tmp_path, CUSTOMERS, KEY, customer).to_pylist()
    assert (row["sex"], row["birth_date"], row["classifications"]) == (None, None, [None])


def test_json_keeps_its_shape_with_every_text_hashed(tmp_path: Path) -> None:
    owner = {
        "Discriminator": "BillCustomerData",
        "Value": {"LastName": "Nováková", "Ids": ["P1", 7], "Vip": True},
    }
    (row,) = rows(tmp_path, BILLS, KEY, {"Id": "b", "EnterpriseId": "n", "OwnerData": owner}).to_pylist()
    value = json.loads(row["owner_data"]["value"])
    assert value == {"LastName": KEY.digest("Nováková"), "Ids": [KEY.digest("P1"), None], "Vip": None}


def test_nested_lists_and_nothing_at_all_keep_their_places(tmp_path: Path) -> None:
    def bill(number: str, data: Any) -> dict[str, Any]:
        return {"Id": number, "EnterpriseId": "n", "AssociatedAccountData": data}

    person = {"BillCustomerData": {"Id": "c1", "LastName": "Nováková"}}
    made = [bill("a", [person, None, {}]), bill("b", None), bill("c", []), bill("d", [person])]
    hashed = rows(tmp_path, BILLS, KEY, *made).column("associated_account_data").to_pylist()
    assert [None if one is None else len(one) for one in hashed] == [3, None, 0, 1]
    names = [one["bill_customer_data"]["last_name"] for one in (hashed[0][0], hashed[3][0])]
    assert names == [KEY.digest("Nováková")] * 2
    dropped = rows(tmp_path, BILLS, DROP, *made).column("associated_account_data").to_pylist()
    assert dropped == [None] * 4


@pytest.mark.parametrize("privacy", [KEY, DROP], ids=["hash", "drop"])
def test_the_digits_of_a_personal_number_are_not_kept_beside_it(tmp_path: Path, privacy: Privacy) -> None:
    text = (
        '{"Id":"b","EnterpriseId":"n","OwnerData":{"Discriminator":"x","Value":{"Card":12345678901234567890123}},'
        '"AssociatedAccountData":[{"BillCustomerData":{"Address":{"Latitude":50.123456789012345678901}}}]}\n'
    )
    source = write_file(tmp_path / "x.jsonl", text.encode())
    target = tmp_path / "rows.parquet"
    convert(BILLS, [source], target, own=OWN)
    assert len(pq.read_table(target).column("_exact_numbers").to_pylist()[0]) == 2
    convert(BILLS, [source], target, own=OWN, masker=RowMasker(BILLS, privacy))
    assert pq.read_table(target).column("_exact_numbers").to_pylist() == [None]


def test_a_hash_without_its_key_is_refused() -> None:
    with pytest.raises(LakeError, match="MEWS_PII_KEY"):
        RowMasker(CUSTOMERS, Privacy(Pii.HASH))


def test_an_error_about_a_personal_field_does_not_repeat_its_value(tmp_path: Path) -> None:
    record = {"Id": "c", "ChainId": "x", "BirthDate": "1980-02-30 Nov"}
    with pytest.raises(RecordError, match=r"field BirthDate: a text that is no day") as caught:
        convert(CUSTOMERS, [write_file(tmp_path / "x.jsonl", [record])], tmp_path / "rows.parquet")
    assert "1980" not in str(caught.value)
    nested = {"Id": "b", "AssociatedAccountData": [{"BillCustomerData": {"Address": {"Latitude": "50 N"}}}]}
    with pytest.raises(RecordError, match="Latitude") as caught:
        convert(BILLS, [write_file(tmp_path / "x.jsonl", [nested])], tmp_path / "rows.parquet")
    assert "50 N" not in str(caught.value)


PERSON, OTHER = "c0ffee00-1111-4222-8333-444455556666", "0ddba110-1111-4222-8333-444455556666"


def test_a_forgotten_person_is_taken_out_of_rows_that_name_them(tmp_path: Path) -> None:
    items = [
        {"Id": "1", "AccountId": PERSON, "BillingName": "Nováková", "UnitCount": 2, "Number": None},
        {"Id": "2", "AccountId": OTHER, "BillingName": "Smith", "UnitCount": 3, "Number": None},
    ]
    items = [{key: value for key, value in one.items() if key != "Number"} for one in items]
    found = rows(tmp_path, ITEMS, KEEP, *items, forgotten=(PERSON,)).to_pylist()
    assert [one["billing_name"] for one in found] == [None, "Smith"]
    assert [one["unit_count"] for one in found] == [2, 3]
    assert found[0]["account_id"] == PERSON


def test_a_forgotten_customers_record_keeps_its_place_and_nothing_of_them(tmp_path: Path) -> None:
    record = {**full_record(CUSTOMERS, 3), "Id": PERSON, "MergeTargetId": None}
    (row,) = rows(tmp_path, CUSTOMERS, KEY, record, forgotten=(PERSON,)).to_pylist()
    assert (row["last_name"], row["classifications"], row["email"]) == (PLACEHOLDER, [], None)
    assert row["preferred_language_code"] is None
    assert row["id"] == PERSON
    assert row["updated_utc"] is not None


@pytest.mark.parametrize(
    "named",
    [
        {"AccountId": PERSON},
        {"AssociatedAccountIds": [OTHER, PERSON]},
        {"OwnerData": {"Discriminator": "x", "Value": {"Id": PERSON}}},
        {"AssociatedAccountData": [None, {"BillCustomerData": {"Id": PERSON}}]},
        {"AssociatedAccountData": [{"BillCustomerData": {"Address": {"AccountId": PERSON}}}]},
    ],
    ids=lambda named: next(iter(named)),
)
def test_a_person_is_found_wherever_a_bill_names_them(tmp_path: Path, named: dict[str, Any]) -> None:
    bills = [
        {"Id": "a", "Name": "kept", "AccountId": OTHER},
        {"Id": "b", "Name": "Nováková", "AccountId": OTHER, **named},
    ]
    found = rows(tmp_path, BILLS, KEEP, *bills, forgotten=(PERSON,))
    assert found.column("name").to_pylist() == ["kept", None]


def test_every_batch_keeps_the_types_of_its_table() -> None:
    for table in catalog.TABLES:
        schema = plain(arrow_schema(table))
        empty = pa.RecordBatch.from_pylist([], schema)
        assert RowMasker(table, KEY, (PERSON,)).mask(empty).schema.equals(schema)
    assert any(one.column.kind is Kind.JSON and one.is_personal for one in fields(BILLS))
