"""Scope keys: readable, there and back for any name, and never another one for the same scope."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.scope_keys import DIGITS, LONGEST_SLUG, NamedScope, ScopeKeys, add_keys

PRAGUE = "52fd68fc-86df-4fde-a615-edbf9547e8ab"
NAMES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["The Lantern", "the lantern", "The Lantern!", "旅館", "🏨", "|", "...", "a|b", "\n", ""]
    ),
)
# Few first digits, so that many scopes have the same eight; and ids that are no UUIDs.
IDS = st.one_of(
    st.builds(
        lambda start, rest: f"{start}{rest.hex[8:]}", st.sampled_from(["52fd68fc", "0531a65c"]), st.uuids()
    ),
    st.uuids().map(str),
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,11}", fullmatch=True),
)
SCOPES = st.lists(
    st.builds(NamedScope, IDS, st.sampled_from(ScopeKind), NAMES),
    unique_by=lambda scope: scope.id,
    max_size=12,
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The Lantern, Prague", "the-lantern-prague-52fd68fc"),
        ("Hôtel Étoile & Spa", "hotel-etoile-spa-52fd68fc"),
        ("Гостиница", "gostinitsa-52fd68fc"),
        (
            "The Very Grand Hotel and Spa of the Central Station",
            "the-very-grand-hotel-and-spa-of-the-52fd68fc",
        ),
        ("🏨", "enterprise-52fd68fc"),
        ("", "enterprise-52fd68fc"),
    ],
)
def test_a_key_is_the_name_and_the_first_digits_of_the_id(name: str, key: str) -> None:
    assert add_keys({}, [NamedScope(PRAGUE, ScopeKind.ENTERPRISE, name)]) == {PRAGUE: key}


def test_a_chain_without_a_readable_name_is_called_chain() -> None:
    assert add_keys({}, [NamedScope(PRAGUE, ScopeKind.CHAIN, "...")]) == {PRAGUE: "chain-52fd68fc"}


def test_where_two_keys_would_be_equal_one_has_more_digits() -> None:
    other = "52fd68fc-9000-4000-8000-000000000000"
    scopes = [NamedScope(id, ScopeKind.ENTERPRISE, "The Lantern") for id in (other, PRAGUE)]
    assert add_keys({}, scopes) == {PRAGUE: "the-lantern-52fd68fc", other: "the-lantern-52fd68fc9"}


@given(SCOPES)
def test_every_key_is_its_scopes_alone_and_goes_to_the_id_and_back(scopes: list[NamedScope]) -> None:
    keys = ScopeKeys(add_keys({}, scopes))
    texts = [keys.key_of(scope.id) for scope in scopes]
    assert len(set(texts)) == len(scopes)
    assert [keys.scope_of(text) for text in texts] == [scope.id for scope in scopes]
    for scope, text in zip(scopes, texts, strict=True):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9-]+)+", text)
        assert len(text) <= LONGEST_SLUG + 1 + max(DIGITS, len(scope.id)) + len("-99")


@pytest.mark.slow
@given(SCOPES, SCOPES, st.data())
def test_a_key_never_changes_whatever_is_discovered_later(
    first: list[NamedScope], later: list[NamedScope], data: st.DataObject
) -> None:
    keys = add_keys({}, first)
    renamed = [NamedScope(scope.id, scope.kind, data.draw(NAMES)) for scope in first]
    after = add_keys(keys, [*later, *renamed])
    assert {scope: after[scope] for scope in keys} == keys
    assert len(set(after.values())) == len(after)


@given(st.permutations([NamedScope(str(uuid.UUID(int=n)), ScopeKind.CHAIN, "Same") for n in range(5)]))
def test_the_order_of_a_discovery_makes_no_difference(scopes: list[NamedScope]) -> None:
    assert add_keys({}, scopes) == add_keys({}, sorted(scopes, key=lambda scope: scope.id))


def test_a_text_that_is_no_key_is_taken_for_an_id_and_a_scope_without_a_key_goes_by_its_id() -> None:
    keys = ScopeKeys({PRAGUE: "the-lantern-52fd68fc"}, by_id=frozenset([PRAGUE]))
    assert keys.key_of(PRAGUE) == PRAGUE, "in a home that is not moved yet"
    assert keys.scope_of("the-lantern-52fd68fc") == keys.scope_of(PRAGUE) == PRAGUE
    assert keys.key_of("another") == keys.scope_of("another") == "another"
