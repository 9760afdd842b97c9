"""Partitions: Dagster's windows are the lake's windows, key by key."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.partitions import WINDOW, PartitionKeys, keys_in, partitions_of
from mews_assets.ingest.directory import Enterprise
from mews_assets.ingest.scope_keys import ScopeKeys
from mews_assets.windows import Grain, to_key, windows_between
from mews_assets_tests.defs.keys import PLAIN, directory_with

NOW = datetime(2025, 3, 10, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("grain", Grain)
@pytest.mark.parametrize("start", ["2025-01-01", "2025-01-05", "2024-12-31", "2025-01-15"])
def test_dagsters_windows_are_the_lakes(grain: Grain, start: str) -> None:
    """From the first of a month, a Sunday, and days in the middle of weeks and months."""
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    windows = partitions_of(ScopeKind.ENTERPRISE, grain, first, PLAIN).get_partitions_def_for_dimension(
        WINDOW
    )
    lakes = [to_key(window, grain) for window in windows_between(first, NOW, grain)]
    assert list(windows.get_partition_keys(current_time=NOW)) == lakes


@pytest.mark.parametrize("grain", Grain)
def test_each_window_lasts_as_long_in_dagster_as_in_the_lake(grain: Grain) -> None:
    first = datetime(2025, 1, 1, tzinfo=UTC)
    windows = partitions_of(ScopeKind.ENTERPRISE, grain, first, PLAIN).get_partitions_def_for_dimension(
        WINDOW
    )
    assert isinstance(windows, dg.TimeWindowPartitionsDefinition)
    for window in list(windows_between(first, NOW, grain))[:50]:
        found = windows.time_window_for_partition_key(to_key(window, grain))
        assert (found.start.timestamp(), found.end.timestamp()) == (
            window.start.timestamp(),
            window.end.timestamp(),
        )


@pytest.mark.parametrize("kind", ScopeKind)
@pytest.mark.parametrize("grain", Grain)
def test_a_key_goes_to_the_lake_and_back(kind: ScopeKind, grain: Grain) -> None:
    (window, *_) = windows_between(datetime(2025, 1, 1, tzinfo=UTC), NOW, grain)
    keys = PartitionKeys(ScopeKeys({"8f3c-id": "the-lantern-8f3cid"}), grain)
    text = f"the-lantern-8f3cid|{to_key(window, grain)}"
    partition = keys.partition(text)
    assert (partition.scope, partition.window) == ("8f3c-id", window)
    assert keys.partition(f"8f3c-id|{to_key(window, grain)}") == partition, "as earlier versions spelled it"
    key = keys.dagster_key(kind, partition)
    assert str(key) == text == keys.text(partition)
    assert key.keys_by_dimension == {kind.value: "the-lantern-8f3cid", WINDOW: to_key(window, grain)}


def test_a_home_that_knows_a_hotel_by_its_id_spells_it_so_until_it_is_moved() -> None:
    north, south = "aaaaaaaa-1", "bbbbbbbb-2"
    directory = directory_with(
        Enterprise(scope, name, "cccccccc-3", "Chain", "UTC") for scope, name in ((north, "N"), (south, "S"))
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("enterprises", [north, "s-bbbbbbbb"])
        keys = keys_in(instance, directory, Grain.DAILY, PLAIN)
        assert (keys.join(north, "2025-03-01"), keys.join(south)) == (f"{north}|2025-03-01", "s-bbbbbbbb")
        assert keys.split("n-aaaaaaaa|2025-03-01") == (north, "2025-03-01")
        assert keys.respelled("n-aaaaaaaa|2025-03-01") == f"{north}|2025-03-01"
        instance.add_dynamic_partitions("enterprises", ["n-aaaaaaaa"])
        assert keys_in(instance, directory, Grain.DAILY, PLAIN).join(north) == "n-aaaaaaaa"


@pytest.mark.parametrize(
    "key", ["", "2025-01-01", "|2025-01-01", "id|", "id|2025-1-1", "id|tomorrow", "../id|2025-01-01"]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"key|name in the lake|is not written as"):
        PartitionKeys(ScopeKeys({}), Grain.DAILY).partition(key)
