"""Finding a scope: by key, id or a part of its name; and the sentences where that names none or several."""

from __future__ import annotations

import pytest

from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.find_scope import SHOWN, SeenScope, UnknownScopeError, find_scope, similar


def scope(name: str, digits: str, kind: ScopeKind = ScopeKind.ENTERPRISE) -> SeenScope:
    key = f"{name.casefold().replace(' ', '-')}-{digits}"
    return SeenScope(f"{digits}-86df-4fde-a615-edbf9547e8ab", key, kind, name)


PRAGUE, LONDON = scope("The Lantern Prague", "52fd68fc"), scope("The Gilded Heron London", "0531a65c")
LANTERN = scope("The Lantern", "99999999")
SEEN = [PRAGUE, LONDON, LANTERN]


@pytest.mark.parametrize(
    "text",
    [
        LONDON.key,
        LONDON.id,
        LONDON.id.upper(),
        LONDON.name,
        "london",
        "LONDON",
        " gilded   heron ",
        "0531a65c",
    ],
)
def test_a_key_an_id_and_a_unique_part_of_the_name_find_the_hotel(text: str) -> None:
    assert find_scope(text, SEEN, "enterprise") is LONDON


def test_a_whole_name_counts_before_a_part_of_another() -> None:
    assert find_scope("the lantern", SEEN, "enterprise") is LANTERN


def test_a_text_that_several_names_hold_is_refused_with_all_of_them() -> None:
    with pytest.raises(UnknownScopeError) as error:
        find_scope("lant", SEEN, "enterprise")
    assert str(error.value) == (
        "'lant' names 2 scopes: The Lantern Prague (the-lantern-prague-52fd68fc), The Lantern (the-lantern-99999999). "
        "Give more of the name, or the key in brackets"
    )


def test_equal_names_are_told_apart_by_their_keys() -> None:
    twins = [scope("Same", "aaaaaaaa"), scope("Same", "bbbbbbbb")]
    with pytest.raises(UnknownScopeError, match=r"2 scopes: Same \(same-aaaaaaaa\), Same \(same-bbbbbbbb\)"):
        find_scope("Same", twins, "enterprise")
    assert find_scope("same-bbbbbbbb", twins, "enterprise") is twins[1]


def test_a_name_that_nobody_has_is_refused_with_similar_ones_first_the_nearest() -> None:
    with pytest.raises(UnknownScopeError) as error:
        find_scope("Lantren", SEEN, "enterprise")
    assert "no connection sees the enterprise Lantren. Similar are: The Lantern" in str(error.value)
    assert "Heron" not in str(error.value)
    assert similar("heron londn", SEEN) == [LONDON]


def test_where_nothing_is_similar_some_of_all_are_named_and_the_others_counted() -> None:
    many = [scope(f"Hotel {number:02}", f"{number:08}") for number in range(40)]
    with pytest.raises(UnknownScopeError, match=rf"see: Hotel 00 .*Hotel 07 .* and {40 - SHOWN} more"):
        find_scope("zzz", many, "enterprise")


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_text_names_nothing_although_every_name_holds_it(text: str) -> None:
    with pytest.raises(UnknownScopeError, match="is empty"):
        find_scope(text, SEEN, "enterprise")


def test_where_no_connection_sees_anything_the_tokens_are_to_be_checked() -> None:
    with pytest.raises(UnknownScopeError, match="they see no chain at all"):
        find_scope("any", [], "chain")
