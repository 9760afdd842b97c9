"""Which texts of a person are looked for, and which tell nobody."""

from __future__ import annotations

import pytest

from mews_assets.lake.erasure.identifying_texts import Standing, Stood, telling, whole_names

UNKNOWN, PERSONAL, NAME, WHOLE = Standing


def sort_of(text: str, standing: Standing) -> str:
    chosen = telling({text: Stood(standing)})
    assert chosen.unsaid == (not chosen.texts)
    if not chosen.texts:
        return "unsaid"
    return "strong" if chosen.strong(chosen.texts) else "weak"


@pytest.mark.parametrize(
    ("text", "standing", "sort"),
    [
        ("Email", UNKNOWN, "unsaid"),  # a column's name
        ("updated_utc", UNKNOWN, "unsaid"),
        ("InRoom", UNKNOWN, "unsaid"),  # a value's name
        ("order_items", UNKNOWN, "unsaid"),
        ("Price", NAME, "unsaid"),
        ("n/a", PERSONAL, "unsaid"),
        ("UNKNOWN", NAME, "unsaid"),
        ("Walk-in guest", PERSONAL, "unsaid"),
        ("Li", NAME, "unsaid"),
        ("CZ", PERSONAL, "unsaid"),
        ("\u4f1f", NAME, "unsaid"),
        ("--", PERSONAL, "unsaid"),
        ("c0ffee00-1111-4222-8333-444455556666", UNKNOWN, "unsaid"),
        ("Prague", UNKNOWN, "weak"),
        ("Vegan", PERSONAL, "weak"),
        ("en-GB", UNKNOWN, "weak"),
        ("2026-05-17", UNKNOWN, "weak"),
        ("2026-05-17T10:00:00Z", UNKNOWN, "weak"),
        ("1990-05-17", PERSONAL, "strong"),
        ("Zoraya", NAME, "strong"),
        ("\u5c71\u7530", NAME, "strong"),
        ("zoraya@planted.example", UNKNOWN, "strong"),
        ("+420 777 123 456", UNKNOWN, "strong"),
        ("X1234567", UNKNOWN, "strong"),
        ("Li Bo", WHOLE, "strong"),
        ("Bill Price", WHOLE, "strong"),
        ("Walk-in guest", NAME, "unsaid"),
        ("allergic to nuts", PERSONAL, "strong"),
    ],
)
def test_a_text_is_looked_for_as_the_rule_says(text: str, standing: Standing, sort: str) -> None:
    assert sort_of(text, standing) == sort


def test_names_of_one_record_are_looked_for_together_in_either_order() -> None:
    assert set(whole_names(["Li", "Bo"])) == {"Li Bo", "Bo Li"}
    assert list(whole_names(["Unknown", "Bo"])) == []
    assert list(whole_names(["Bo", "Bo"])) == []
