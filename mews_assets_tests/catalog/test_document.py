"""The page of tables says what the catalog says, and the one in the repository is today's."""

from __future__ import annotations

from pathlib import Path

import mews_assets
from mews_assets import catalog
from mews_assets.catalog.columns import enum, string
from mews_assets.catalog.diagram import CORE, diagram
from mews_assets.catalog.document import page, pages
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.entities.series import SERIES
from mews_assets.catalog.model import Export, Pages, ParentKey, Table
from mews_assets.catalog.topics import TOPICS

DOCS = Path(mews_assets.__file__).parent.parent / "docs"
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


def test_the_pages_in_the_repository_are_what_the_catalog_says() -> None:
    expected = pages(catalog.TABLES, REFERENCES, SERIES)
    found = {path.relative_to(DOCS).as_posix() for path in (DOCS / "tables").glob("*.md")} | {"tables.md"}
    assert found == set(expected)
    for name, text in expected.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, (
            f"docs/{name} is not today's: run `make docs`"
        )


def test_every_table_of_the_catalog_has_its_topic_and_the_topics_name_no_other() -> None:
    named = [name for _, names in TOPICS.values() for name in names]
    assert sorted(named) == sorted(one.name for one in (*catalog.TABLES, *REFERENCES, *SERIES))


def test_a_table_without_a_topic_is_on_a_page_of_its_own() -> None:
    made = pages([VISITS], [], [])
    assert set(made) == {"tables.md", "tables/more.md"}
    assert "[visits](tables/more.md#visits)" in made["tables.md"]


def test_the_diagram_has_an_arrow_for_every_column_by_which_the_core_refers_to_itself() -> None:
    lines = list(diagram([*catalog.TABLES, *REFERENCES]))
    assert lines[0] == "erDiagram"
    assert '  rates ||--o{ reservations : "rate_id"' in lines
    assert '  resources |o--o{ reservations : "assigned_resource_id"' in lines
    assert '  products |o--o{ order_items : "data.product.product_id"' in lines
    drawn = {word for line in lines for word in line.split() if word in CORE}
    assert drawn == set(CORE)


def test_a_table_tells_its_key_scope_window_and_source() -> None:
    text = page("Visits", [VISITS])
    assert "| key | `id`, `updated_utc` |" in text
    assert "| scope | enterprise; a row does not name it, so its partition does |" in text
    assert "| window | `updated_utc` |" in text
    assert "`exports/add` of Visit, filtered by `UpdatedUtc`" in text
    assert "at most 180 days and 1000 scopes at a time" in text


def test_a_column_has_its_type_its_flags_and_its_meaning() -> None:
    lines = page("Visits", [VISITS]).splitlines()
    assert "| `id` | string | yes |  | Id of the visit; the same in all its versions. |" in lines
    assert "| `mood` | string |  |  | How it was \\| went. Values: Calm, Loud. |" in lines
    assert "| `guest` | string |  | yes | Who came. |" in lines


def test_nested_columns_follow_the_one_that_holds_them() -> None:
    lines = page("Visits", [VISITS]).splitlines()
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
    assert "`old`" not in page("Visits", [VISITS])


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
    text = page("Items", [items])
    assert "| window | `updated_utc` of the row of `visits` that `visit_id` names |" in text
    assert "`visits/getAll`, filtered by `UpdatedUtc`, the records under `Items`" in text


def test_reference_tables_are_told_without_windows() -> None:
    text = page("Enterprises", [REFERENCES[0]])
    assert "## reference/enterprises" in text
    assert "| asked of Mews | `enterprises/getAll`, the records under `Enterprises` |" in text
    assert "| `time_zone_identifier` | string | yes |  | IANA time zone it lives by. |" in text
    assert "| window |" not in text
