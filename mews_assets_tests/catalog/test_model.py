"""The model refuses nonsense when a row is built, not when a hotel's data arrives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mews_assets.catalog.model import Column, Export, Kind, Lookup, Pages, ParentKey, Table, kept, snake_case

ID = Column("Id", Kind.STRING, required=True)
UPDATED = Column("UpdatedUtc", Kind.UTC)
ENTERPRISE = Column("EnterpriseId", Kind.STRING)
TOWELS = Table(
    "towels", "Towel", "One row per version of a towel.", (ID, ENTERPRISE, UPDATED), Export("Towel")
)

LOOKUP = Lookup("baskets/getAll", "Baskets", "BasketIds")
TWICE_FILTERED = Pages("towels/getAll", "Towels", also_filtered_by=("WashedUtc",))
OWNED = Pages("towels/getAll", "Towels", owned_parameter="BasketIds")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Id", "id"),
        ("UpdatedUtc", "updated_utc"),
        ("EnterpriseId", "enterprise_id"),
        ("DUNS", "duns"),
        ("DunsNumber", "duns_number"),
        ("Line1", "line1"),
        ("HasOtaEmail", "has_ota_email"),
        ("QrCodeData", "qr_code_data"),
        ("FirstTimeUnitStartUtc", "first_time_unit_start_utc"),
        ("VATNumber", "vat_number"),
    ],
)
def test_names_are_put_in_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize(
    ("column", "complaint"),
    [
        ({"kind": Kind.OBJECT}, "an object needs columns"),
        ({"kind": Kind.STRING, "columns": (ID,)}, "only an object has them"),
        ({"kind": Kind.ENUM}, "an enum needs values"),
        ({"kind": Kind.STRING, "values": ("Clean",)}, "only an enum has them"),
        ({"kind": Kind.ENUM, "values": ("Clean", "Used", "Clean")}, "value Clean is declared twice"),
        ({"kind": Kind.OBJECT, "columns": (ID, ID)}, "nested column id is declared twice"),
        (
            {"kind": Kind.OBJECT, "columns": (replace(ID, deprecated=True),)},
            "all its columns are deprecated",
        ),
        ({"kind": Kind.STRING, "name": "_landing_id"}, "spelled as Mews does"),
        ({"kind": Kind.STRING, "name": ""}, "spelled as Mews does"),
    ],
)
def test_a_column_that_makes_no_sense_is_refused(column: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Column(**{"name": "State", **column})


def test_two_columns_may_not_end_up_under_one_name() -> None:
    with pytest.raises(ValueError, match="duns is declared twice"):
        replace(TOWELS, columns=(*TOWELS.columns, Column("Duns", Kind.STRING), Column("DUNS", Kind.STRING)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "Towels"}, "snake_case"),
        ({"columns": (*TOWELS.columns, ID)}, "column id is declared twice"),
        ({"columns": (ENTERPRISE, UPDATED)}, "no column Id"),
        ({"columns": (ID, UPDATED)}, "no column EnterpriseId"),
        ({"columns": (ID, ENTERPRISE)}, "no column UpdatedUtc"),
        ({"window_column": "PostingDate"}, "no column PostingDate"),
        ({"version_column": "CreatedUtc"}, "no column CreatedUtc"),
        ({"parent_key": ParentKey("baskets", "BasketId")}, "no column BasketId"),
        ({"columns": (replace(ID, required=False), ENTERPRISE, UPDATED)}, "Id must be required"),
        ({"columns": (ID, ENTERPRISE, replace(UPDATED, deprecated=True))}, "no column UpdatedUtc"),
        ({"alternative": Export("Towel")}, "fetched by export already"),
        ({"lookup": LOOKUP, "scope_column": None}, "needs the scope_column"),
        ({"alternative": OWNED}, "needs the lookup"),
        ({"fetch": OWNED}, "needs the lookup"),
        ({"lookback": -timedelta(days=1)}, "how far back pulls reach"),
        ({"version_column": "Id"}, "Id must be one instant or day, not string"),
        ({"version_column": None}, "neither window_column nor version_column"),
        ({"fetch": TWICE_FILTERED}, "window_column is None"),
        ({"columns": (ID, ENTERPRISE, replace(UPDATED, is_list=True))}, "UpdatedUtc must be one instant"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"table .*{complaint}"):
        replace(TOWELS, **change)


def test_a_table_whose_rows_name_no_owner_needs_no_scope_column() -> None:
    assert replace(TOWELS, columns=(ID, UPDATED), scope_column=None).scope_column is None


def test_a_table_found_through_another_needs_no_window_column_of_its_own() -> None:
    basket = Column("BasketId", Kind.STRING)
    washed = Column("WashedUtc", Kind.UTC)
    through = replace(
        TOWELS,
        columns=(ID, ENTERPRISE, basket, washed),
        parent_key=ParentKey("baskets", "BasketId"),
        version_column="WashedUtc",
    )
    assert through.window_column == "UpdatedUtc"


def test_deprecated_columns_are_known_but_not_kept() -> None:
    old = Column("Colour", Kind.STRING, required=True, deprecated=True)
    towels = replace(TOWELS, columns=(*TOWELS.columns, old))
    assert old in towels.columns
    assert old not in towels.kept_columns
    assert towels.required_columns == (ID,)
    assert kept((old,)) == ()


def test_tables_can_be_told_apart_in_a_set() -> None:
    assert len({TOWELS, replace(TOWELS), replace(TOWELS, name="sheets")}) == 2
