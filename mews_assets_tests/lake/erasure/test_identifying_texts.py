"""Which texts of a person are looked for, and which tell nobody."""

from __future__ import annotations

import pytest

from mews_assets.lake.erasure.identifying_texts import TextKind, TextSource, choose_texts, whole_names

UNKNOWN, PERSONAL, NAME, WHOLE = TextKind


def sort_of(text: str, standing: TextKind) -> str:
    chosen = choose_texts({text: TextSource(standing)})
    assert chosen.not_searched == (not chosen.texts)
    if not chosen.texts:
        return "not_searched"
    return "strong" if chosen.strong(chosen.texts) else "weak"


@pytest.mark.parametrize(
    ("text", "standing", "sort"),
    [
        ("Email", UNKNOWN, "not_searched"),  # a column's name
        ("updated_utc", UNKNOWN, "not_searched"),
        ("InRoom", UNKNOWN, "not_searched"),  # a value's name
        ("order_items", UNKNOWN, "not_searched"),
        ("Price", NAME, "not_searched"),
        ("n/a", PERSONAL, "not_searched"),
        ("UNKNOWN", NAME, "not_searched"),
        ("Walk-in guest", PERSONAL, "not_searched"),
        ("Li", NAME, "not_searched"),
        ("CZ", PERSONAL, "not_searched"),
        ("\u4f1f", NAME, "not_searched"),
        ("--", PERSONAL, "not_searched"),
        ("c0ffee00-1111-4222-8333-444455556666", UNKNOWN, "not_searched"),
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
        ("Walk-in guest", NAME, "not_searched"),
        ("allergic to nuts", PERSONAL, "strong"),
    ],
)
def test_a_text_is_looked_for_as_the_rule_says(text: str, standing: TextKind, sort: str) -> None:
    assert sort_of(text, standing) == sort


def test_names_of_one_record_are_looked_for_together_in_either_order() -> None:
    assert set(whole_names(["Li", "Bo"])) == {"Li Bo", "Bo Li"}
    assert list(whole_names(["Unknown", "Bo"])) == []
    assert list(whole_names(["Bo", "Bo"])) == []
