"""Dagster's event tables: where they are not to be had, Dagster's own calls do."""

from __future__ import annotations

import dagster as dg
import pytest

from mews_assets.defs.base import event_tables

ASSET = dg.AssetKey(["changes", "payments"])
KEYS = [f"hotel|2026-03-{day:02}" for day in range(1, 11)]


@pytest.mark.parametrize("has_tables", [True, False])
def test_materialisations_are_stored_whatever_the_storage_is(
    monkeypatch: pytest.MonkeyPatch, has_tables: bool
) -> None:
    if not has_tables:
        monkeypatch.setattr(event_tables, "sql_storage", lambda instance: None)
    with dg.DagsterInstance.ephemeral() as instance:
        events = [dg.AssetMaterialization(ASSET, partition=key) for key in KEYS]
        assert event_tables.store_materialisations(instance, events) == len(KEYS)
        assert instance.get_materialized_partitions(ASSET) == set(KEYS)


def test_old_runs_are_not_deleted_from_a_storage_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_tables, "sql_storage", lambda instance: None)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        pytest.raises(RuntimeError, match="MEWS_RUN_DAYS"),
    ):
        event_tables.delete_runs(instance, ["a"])
