"""The page of tables says what the catalog says, and the one in the repository is today's."""

from __future__ import annotations

from pathlib import Path

import mews_assets
from mews_assets import catalog
from mews_assets.catalog.columns import enum, string
from mews_assets.catalog.document import document
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import Export, Pages, ParentKey, Table

PAGE = Path(mews_assets.__file__).parent.parent / "docs" / "tables.md"
VISITS = Table(
    "visits",
    "Visit",
    "One row per version of a visit.",
    (
        shapes.row_id("visit"),
        enum("Mood", ("Calm", "Loud"), "How it was | went."),
        string("Guest", "Who came.", pii=True),
        string("Old", "Gone.", deprecated=True),
        shapes.amount("Price", "What it cost."),
        shapes.updated_utc("visit"),
    ),
    Export("Visit"),
    scope_column=None,
)


def test_the_page_in_the_repository_is_what_the_catalog_says() -> None:
    expected = document(catalog.TABLES, REFERENCES)
    assert PAGE.read_text(encoding="utf-8") == expected, "docs/tables.md is not today's: run `make docs`"


def test_a_table_tells_its_key_scope_window_and_source() -> None:
    page = document([VISITS], [])
    assert "| key | `id`, `updated_utc` |" in page
    assert "| scope | enterprise; a row does not name it, so its partition does |" in page
    assert "| window | `updated_utc` |" in page
    assert "`exports/add` of Visit, filtered by `UpdatedUtc`" in page
    assert "at most 180 days and 1000 scopes at a time" in page


def test_a_column_has_its_type_its_flags_and_its_meaning() -> None:
    lines = document([VISITS], []).splitlines()
    assert "| `id` | string | yes |  | Id of the visit; the same in all its versions. |" in lines
    assert "| `mood` | string |  |  | How it was \\| went. Values: Calm, Loud. |" in lines
    assert "| `guest` | string |  | yes | Who came. |" in lines


def test_nested_columns_follow_the_one_that_holds_them() -> None:
    lines = document([VISITS], []).splitlines()
    paths = [line.split("`")[1] for line in lines if line.startswith("| `")]
    at = paths.index("price")
    assert paths[at : at + 6] == [
        "price",
        "price.currency",
        "price.net_value",
        "price.gross_value",
        "price.tax_values",
        "price.tax_values[].code",
    ]


def test_a_deprecated_column_is_not_told() -> None:
    assert "`old`" not in document([VISITS], [])


def test_a_table_found_by_another_says_by_which() -> None:
    items = Table(
        "items",
        "Item",
        "One row per version of an item.",
        (shapes.row_id("item"), string("VisitId", "Its visit."), shapes.updated_utc("item")),
        Pages("visits/getAll", "Items"),
        scope_column=None,
        parent_key=ParentKey("visits", "VisitId"),
    )
    page = document([items], [])
    assert "| window | `updated_utc` of the row of `visits` that `visit_id` names |" in page
    assert "`visits/getAll`, filtered by `UpdatedUtc`, the records under `Items`" in page


def test_reference_tables_are_told_without_windows() -> None:
    page = document([], [REFERENCES[0]])
    assert "### reference/enterprises" in page
    assert "| asked of Mews | `enterprises/getAll`, the records under `Enterprises` |" in page
    assert "| `time_zone_identifier` | string | yes |  | IANA time zone it lives by. |" in page
    assert "| window |" not in page
