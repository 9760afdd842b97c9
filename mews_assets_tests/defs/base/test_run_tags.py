"""Run tags: hotels by name, a few of many, and the first and last day; on every run, however it was launched."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.run_tags import scope_tags, window_tags
from mews_assets.ingest.directory import Enterprise
from mews_assets.windows import Grain, windows_between
from mews_assets_tests.defs.keys import directory_with
from mews_assets_tests.defs.runs import add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import DAYS, RANGE_END, RANGE_START, Stage

PAYMENTS = catalog.table("payments")
MANY = directory_with(Enterprise(f"{n:08}-1", f"Hotel {n:02}", "c-2", "The Chain", "UTC") for n in range(40))


def ours(stage: Stage, result: dg.ExecuteInProcessResult) -> dict[str, str]:
    run = stage.instance.get_run_by_id(result.run_id)
    assert run is not None
    wanted = ("mews/hotels", "mews/chains", "mews/first_day", "mews/last_day")
    return {name: value for name, value in run.tags.items() if name in wanted}


def test_a_few_hotels_are_named_and_the_others_counted() -> None:
    scopes = MANY.scopes(ScopeKind.ENTERPRISE)
    assert scope_tags(MANY, ScopeKind.ENTERPRISE, [*scopes, *scopes]) == {
        "mews/hotels": "Hotel 00, Hotel 01, Hotel 02, Hotel 03, Hotel 04, +35"
    }
    assert scope_tags(MANY, ScopeKind.ENTERPRISE, scopes[:5])["mews/hotels"].endswith("Hotel 04")
    assert scope_tags(MANY, ScopeKind.CHAIN, ["c-2"]) == {"mews/chains": "The Chain"}
    assert scope_tags(MANY, ScopeKind.CHAIN, []) == window_tags([]) == {}


@pytest.mark.parametrize("grain", [Grain.HOURLY, Grain.DAILY, Grain.MONTHLY])
def test_the_last_day_is_the_one_in_which_the_last_window_ends(grain: Grain) -> None:
    windows = windows_between(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC), grain)
    assert window_tags(windows) == {"mews/first_day": "2025-03-01", "mews/last_day": "2025-03-31"}


def test_a_run_of_a_backfill_tags_itself_with_its_hotels_and_days(stage: Stage) -> None:
    add_scopes(stage)
    north, south = stage.enterprises
    name = stage.directory.enterprises[north].name
    keys = stage.keys([north])
    backfill = stage.run("payments", tags={RANGE_START: keys[0], RANGE_END: keys[-1]})
    assert ours(stage, backfill) == {
        "mews/hotels": name,
        "mews/first_day": DAYS[0],
        "mews/last_day": DAYS[1],
    }
    both = ", ".join(sorted(stage.directory.enterprises[one].name for one in (north, south)))
    by_hand = stage.run("payments", stage.keys(days=DAYS[1:]), tags={"mews/first_day": "as launched"})
    assert ours(stage, by_hand) == {
        "mews/hotels": both,
        "mews/first_day": "as launched",
        "mews/last_day": DAYS[1],
    }
    assert ours(stage, fold_run(stage, PAYMENTS, north)) == {"mews/hotels": name}
    assert ours(stage, snapshot_run(stage, PAYMENTS, north)) == {"mews/hotels": name}
