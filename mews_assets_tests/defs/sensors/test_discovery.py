"""Discovery: adds what is new, removes nothing, names what is gone and who did not answer."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mews_assets.defs.base.partitions import register_scopes
from mews_assets.ingest.directory import Directory, Enterprise
from mews_assets_tests.defs.keys import PLAIN
from mews_assets_tests.defs.stage import Stage, stage_of
from mews_assets_tests.defs.ticks import Ticks, connections_file

GONE = "11111111-0000-4000-8000-000000000000"


def directory(*scopes: str) -> Directory:
    enterprises = {one: Enterprise(one, one.title(), "chain", "The Chain", "UTC") for one in scopes}
    return Directory(enterprises, dict.fromkeys(scopes, "one"), {"chain": "one"} if scopes else {})


def test_a_new_scope_is_added_once_and_none_is_ever_removed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert register_scopes(instance, directory("a", "b"), PLAIN) == (["a", "b", "chain"], [])
        assert register_scopes(instance, directory("a", "b"), PLAIN) == ([], [])
        assert register_scopes(instance, directory("b", "c"), PLAIN) == (["c"], ["a"])
        assert register_scopes(instance, directory(), PLAIN) == ([], ["a", "b", "c", "chain"])
        assert instance.get_dynamic_partitions("enterprises") == ["a", "b", "c"]
        assert instance.get_dynamic_partitions("chains") == ["chain"]


def test_the_sensor_finds_a_hotel_that_was_connected_today_by_its_name(stage: Stage) -> None:
    ticks = Ticks(stage)
    stage.instance.add_dynamic_partitions("enterprises", [GONE])
    said = ticks.discover()
    assert "2 enterprises, 1 chains; new: The " in said
    assert f"no longer visible: {GONE}" in said
    assert "did not answer: none" in said
    assert "new: none" in ticks.discover()
    assert set(stage.instance.get_dynamic_partitions("enterprises")) == {*stage.enterprise_keys, GONE}
    assert ticks.counts == {"enterprises/getAll": 2 * 2}  # a page of two hotels, and the empty one after it


def two_connections(stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch, south: str) -> Ticks:
    monkeypatch.setenv("TOKEN_NORTH", stage.mews.hotel_tokens[0])
    monkeypatch.setenv("TOKEN_SOUTH", south)
    file = connections_file(folder, ("north", "south"))
    return Ticks(stage_of(stage.mews, stage.instance, folder, monkeypatch, MEWS_CONNECTIONS=file))


def test_a_withdrawn_token_hides_no_other_hotel_and_keeps_what_it_served(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_connections(stage, tmp_path, monkeypatch, stage.mews.hotel_tokens[1]).discover()
    ticks = two_connections(stage, tmp_path, monkeypatch, "withdrawn")
    said = ticks.discover()
    assert "2 enterprises" in said
    assert "no longer visible: none" in said
    assert "did not answer: " in said
    assert "connection south, status 401" in said
    assert set(ticks.scopes()) == set(stage.enterprises)
    assert set(ticks.directory().connection_by_enterprise.values()) == {"north", "south"}


def test_a_token_that_never_worked_is_named_and_the_others_are_discovered(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = two_connections(stage, tmp_path, monkeypatch, "never good")
    assert "1 enterprises" in ticks.discover()
    assert set(ticks.directory().connection_by_enterprise.values()) == {"north"}


def test_when_nobody_answers_that_is_an_error_and_nothing_is_forgotten(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = two_connections(stage, tmp_path, monkeypatch, stage.mews.hotel_tokens[1])
    ticks.discover()
    stage.mews.plan_fault("enterprises/getAll", status=503, times=2)
    with pytest.raises(Exception, match="status 503"):
        ticks.discover()
    assert set(ticks.scopes()) == set(stage.enterprises)
