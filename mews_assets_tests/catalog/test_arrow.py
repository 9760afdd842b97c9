"""Arrow schemas: what the columns say, and what Parquet gives back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.catalog import TABLES, table
from mews_assets.catalog.arrow import OWN_COLUMNS, arrow_schema, arrow_type
from mews_assets.catalog.model import Column, Kind, Table, kept

NOW = datetime(2024, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)

SAMPLES: dict[Kind, Any] = {
    Kind.STRING: "Zoë's \N{SNOWMAN}",
    Kind.INTEGER: 2**53 + 1,
    Kind.NUMBER: 93.46,
    Kind.DECIMAL: Decimal("12345678901234567890.000000000000000001"),
    Kind.BOOLEAN: True,
    Kind.UTC: NOW,
    Kind.DATE: date(2024, 2, 29),
    Kind.JSON: '{"en-US": "Spa"}',
}

by_table = pytest.mark.parametrize("each", TABLES, ids=lambda each: each.name)


def sample(column: Column) -> Any:
    """A value of the column's kind."""
    single: Any
    if column.kind is Kind.OBJECT:
        single = {nested.field_name: sample(nested) for nested in kept(column.columns)}
    elif column.kind is Kind.ENUM:
        single = column.values[0]
    else:
        single = SAMPLES[column.kind]
    return [single, single] if column.is_list else single


def full_row(each: Table) -> dict[str, Any]:
    exact = [("Amount.NetValue", "12345678901234567.89")]
    own = {"_landing_id": "l1", "_captured_at_utc": NOW, "_window_utc": NOW, "_exact_numbers": exact}
    return {column.field_name: sample(column) for column in each.kept_columns} | own


def sparse_row(each: Table) -> dict[str, Any]:
    """Only what is required at the top, and of objects nothing."""
    row = full_row(each)
    for column in each.kept_columns:
        if not column.required:
            row[column.field_name] = None
        elif column.kind is Kind.OBJECT and not column.is_list:
            row[column.field_name] = {nested.field_name: None for nested in kept(column.columns)}
    return row | {"_window_utc": None, "_exact_numbers": None}


@by_table
def test_rows_survive_the_way_through_parquet(each: Table, tmp_path: Path) -> None:
    schema = arrow_schema(each)
    rows = [full_row(each), sparse_row(each)]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), tmp_path / "rows.parquet")
    back = pq.read_table(tmp_path / "rows.parquet")
    assert back.schema.equals(schema, check_metadata=False)
    assert back.to_pylist() == rows


@by_table
def test_the_meaning_of_every_column_is_in_the_file(each: Table, tmp_path: Path) -> None:
    pq.write_table(arrow_schema(each).empty_table(), tmp_path / "rows.parquet")
    back = pq.read_schema(tmp_path / "rows.parquet")
    assert back.metadata[b"description"].decode() == each.description
    for column in each.kept_columns:
        assert back.field(column.field_name).metadata[b"description"].decode() == column.description
    for own in OWN_COLUMNS:
        assert back.field(own.name).metadata[b"description"].decode() == own.description


@by_table
def test_our_own_columns_stand_last_and_collide_with_none(each: Table) -> None:
    names = arrow_schema(each).names
    assert names == [*(column.field_name for column in each.kept_columns), *(own.name for own in OWN_COLUMNS)]
    assert len(set(names)) == len(names)
    assert all(own.name.startswith("_") for own in OWN_COLUMNS)
    assert not any(column.field_name.startswith("_") for column in each.columns)


@by_table
def test_only_the_id_refuses_nulls(each: Table) -> None:
    """What else is required and missing is a failed check, which must not cost the rows."""
    schema = arrow_schema(each)
    assert [column.name for column in each.kept_columns if not schema.field(column.field_name).nullable] == [
        "Id"
    ]

    def all_nullable(kind: pa.DataType) -> bool:
        return all(
            kind.field(i).nullable and all_nullable(kind.field(i).type) for i in range(kind.num_fields)
        )

    columns = [schema.field(column.field_name) for column in each.kept_columns]
    assert all(all_nullable(field.type) for field in columns)


def test_a_row_that_came_with_no_stamp_can_still_be_kept() -> None:
    nullable = {own.name: own.nullable for own in OWN_COLUMNS}
    assert nullable == {
        "_landing_id": False,
        "_captured_at_utc": False,
        "_window_utc": True,
        "_exact_numbers": True,
    }


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("order_items", "unit_count", pa.int64()),
        ("order_items", "type", pa.string()),
        ("order_items", "updated_utc", pa.timestamp("us", tz="UTC")),
        ("ledger_entries", "posting_date", pa.date32()),
        ("ledger_entries", "value", pa.decimal128(38, 18)),
        ("customers", "has_ota_email", pa.bool_()),
        ("customers", "classifications", pa.list_(pa.string())),
        ("bills", "associated_account_ids", pa.list_(pa.string())),
        ("bills", "owner_data", pa.struct({"discriminator": pa.string(), "value": pa.string()})),
        (
            "reservations",
            "person_counts",
            pa.list_(pa.struct({"age_category_id": pa.string(), "count": pa.int64()})),
        ),
    ],
)
def test_columns_have_the_type_of_their_kind(name: str, field: str, expected: pa.DataType) -> None:
    assert arrow_schema(table(name)).field(field).type == expected


def test_every_kind_of_value_has_a_type() -> None:
    for kind in Kind:
        nested = (Column("Id", Kind.STRING),) if kind is Kind.OBJECT else ()
        values = ("Clean",) if kind is Kind.ENUM else ()
        assert arrow_type(Column("Towel", kind, columns=nested, values=values)) is not None


def test_deprecated_columns_are_left_out_at_every_depth() -> None:
    names = arrow_schema(table("availability_adjustments")).names
    assert not {"start_utc", "end_utc", "activity_state"} & set(names)
    budget = arrow_schema(table("availability_blocks")).field("budget").type
    assert [budget.field(i).name for i in range(budget.num_fields)] == ["currency", "value"]
