"""The directory: what the connections see, and which of them serves what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from mews_assets.api import UnauthorizedError
from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.directory import (
    Directory,
    Enterprise,
    discover,
    load_directory,
    save_directory,
    save_keys,
)
from mews_assets.ingest.find_scope import UnknownScopeError
from mews_assets.ingest.scope_keys import NamedScope
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets_tests.ingest.made import NOW, client_to
from mews_assets_tests.sandbox.made import NORTH, NORTH_CHAIN, SOUTH, SOUTH_CHAIN


def test_a_portfolio_sees_every_enterprise_and_chain(sandbox, client):
    found = discover({"portfolio": client})
    assert set(found.scopes(ScopeKind.ENTERPRISE)) == {NORTH, SOUTH}
    assert set(found.scopes(ScopeKind.CHAIN)) == {NORTH_CHAIN, SOUTH_CHAIN}
    assert found.enterprises[NORTH].name == "North"
    assert found.connection_of(ScopeKind.ENTERPRISE, SOUTH) == "portfolio"
    assert {json.loads(record)["Id"] for record in found.records} == {NORTH, SOUTH}


def test_the_first_connection_that_sees_a_scope_serves_it(sandbox):
    first, second = (client_to(sandbox, token) for token in sandbox.hotel_tokens[:2])
    found = discover({"first": first, "second": second, "portfolio": client_to(sandbox)})
    assert set(found.connection_by_enterprise.values()) == {"first", "second"}
    assert set(found.connection_by_chain.values()) == {"first", "second"}
    assert len(found.records) == 2


def test_a_connection_can_be_limited_to_some_enterprises(sandbox, client):
    found = discover({"portfolio": client}, {"portfolio": [SOUTH]})
    assert found.scopes(ScopeKind.ENTERPRISE) == [SOUTH]
    assert found.scopes(ScopeKind.CHAIN) == [SOUTH_CHAIN]


def test_a_scope_that_nobody_sees_is_named_with_those_that_are_seen(sandbox, client):
    found = discover({"portfolio": client}, {"portfolio": [SOUTH]})
    with pytest.raises(UnknownScopeError, match=rf"{NORTH}.*South \(south-{SOUTH[:8]}\)"):
        found.connection_of(ScopeKind.ENTERPRISE, NORTH)
    with pytest.raises(UnknownScopeError, match="no chain at all"):
        discover({}).connection_of(ScopeKind.CHAIN, NORTH_CHAIN)


def test_scopes_have_names_that_people_know(sandbox, client):
    found = discover({"portfolio": client})
    assert found.name_of(ScopeKind.ENTERPRISE, NORTH) == "North"
    assert found.name_of(ScopeKind.ENTERPRISE, "gone") == "gone"
    assert found.name_of(ScopeKind.CHAIN, "gone") == "gone"


def test_a_connection_that_is_refused_is_an_error_and_not_an_empty_directory(sandbox):
    with pytest.raises(UnauthorizedError):
        discover({"good": client_to(sandbox), "bad": client_to(sandbox, "no such token")})


def test_a_saved_directory_is_loaded_as_it_was_but_for_the_records(lake, sandbox, client):
    assert load_directory(lake) is None
    found = discover({"portfolio": client})
    save_directory(lake, found, NOW)
    loaded = load_directory(lake)
    assert loaded is not None
    assert (loaded.enterprises, loaded.connection_by_enterprise) == (
        found.enterprises,
        found.connection_by_enterprise,
    )
    assert loaded.connection_by_chain == found.connection_by_chain


def test_a_scope_was_first_seen_when_it_was_first_saved(lake, sandbox, client):
    portfolio = discover({"portfolio": client})
    only_north = discover({"portfolio": client}, {"portfolio": [NORTH]})
    for hours, found in enumerate((only_north, portfolio, only_north, portfolio)):
        save_directory(lake, found, NOW + timedelta(hours=hours))
    loaded = load_directory(lake)
    assert loaded is not None
    assert loaded.first_seen == {
        NORTH: NOW,
        NORTH_CHAIN: NOW,
        SOUTH: NOW + timedelta(hours=1),
        SOUTH_CHAIN: NOW + timedelta(hours=1),
    }


def test_scopes_of_a_directory_that_noted_no_first_time_get_none_made_up(lake, client):
    found = discover({"portfolio": client})
    save_directory(lake, found, NOW)
    kept = lake.read_json(layout.directory_file())
    del kept["first_seen"]
    lake.write_json(layout.directory_file(), kept)
    save_directory(lake, found, NOW)
    loaded = load_directory(lake)
    assert loaded is not None
    assert loaded.first_seen == {}


def test_a_scope_keeps_the_key_of_its_first_name_also_while_it_is_gone(lake):
    def named(*names: str) -> Directory:
        hotels = [
            Enterprise(f"{n:08}-1", name, "cccccccc-2", "Chain", "UTC")
            for n, name in enumerate(names)
            if name
        ]
        seen = {hotel.id: hotel for hotel in hotels}
        return Directory(seen, dict.fromkeys(seen, "one"), {"cccccccc-2": "one"})

    kept = {"00000000-1": "north-00000000", "cccccccc-2": "chain-cccccccc"}
    assert save_directory(lake, named("North"), NOW).keys == kept
    kept["00000001-1"] = "south-00000001"
    assert save_directory(lake, named("Nord", "South"), NOW).keys == kept
    assert save_directory(lake, named("", "South"), NOW).keys == kept, "it may come back"
    loaded = load_directory(lake)
    assert loaded is not None
    assert (loaded.keys, loaded.name_of(ScopeKind.ENTERPRISE, "00000000-1")) == (kept, "north-00000000")
    assert save_keys(lake, [NamedScope("dddddddd-3", ScopeKind.CHAIN, "")]).keys == {  # type: ignore[union-attr]
        **kept,
        "dddddddd-3": "chain-dddddddd",
    }
    assert save_directory(lake, named("Norge", "South"), NOW).keys["00000000-1"] == "north-00000000"


BEFORE = b"""{"enterprises": [{"id": "a", "name": "A", "chain_id": "c", "chain_name": "C", "time_zone": "UTC"}],
 "connection_by_enterprise": {"a": "portfolio"}, "connection_by_chain": {"c": "portfolio"}, "clock_skew_seconds": 1,
 "first_seen": {"a": "2024-06-15T12:00:00Z", "c": "2024-06-15T12:00:00.5Z"}}"""


def test_a_directory_that_an_earlier_version_saved_is_read(lake):
    lake.write(layout.directory_file(), BEFORE)
    loaded = load_directory(lake)
    assert loaded is not None
    assert loaded.enterprises["a"].tax_precision is None
    assert loaded.clock_skew_seconds == 1.0
    assert loaded.keys == {"a": "a-a", "c": "c-c"} == save_directory(lake, loaded, NOW).keys
    assert loaded.first_seen["a"] == datetime(2024, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"{", b'{"enterprises": []}', b"\xff"])
def test_a_directory_that_cannot_be_read_is_an_error_and_not_empty(lake, content):
    lake.write(layout.directory_file(), content)
    with pytest.raises(LakeError, match=r"(?i)directory.*move it away"):
        load_directory(lake)
