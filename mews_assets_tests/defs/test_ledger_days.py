"""Days of the ledger, as its sensor asks for them: when they are over everywhere, and some of them once more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.sandbox.running import RunningSandbox, ServerLimits
from mews_assets.windows import from_api
from mews_assets_tests.defs.stage import evaluations, stage_of
from mews_assets_tests.defs.ticks import Ticks
from mews_assets_tests.ingest.made import made_records, standing_sandbox
from mews_assets_tests.sandbox.made import NORTH, SOUTH, made_id

SENSOR = "export_ledger_entries"
NOON = from_api("2024-06-15T12:00:00Z")
MORNING = NOON - timedelta(hours=2)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with standing_sandbox(
        made_records(), MORNING, export_seconds=600, limits=ServerLimits(requests=10_000)
    ) as running:
        yield running


@pytest.fixture
def ticks(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ticks]:
    named = {"MEWS_START_DATE": "2024-06-10", "MEWS_TABLES": "ledger_entries"}
    with dg.DagsterInstance.ephemeral() as instance:
        made = Ticks(stage_of(sandbox, instance, tmp_path, monkeypatch, **named))
        made.discover()
        yield made


def posted(ticks: Ticks) -> list[list[str]]:
    """First and last day of every export that was asked for."""
    return [one["Intervals"]["Posting"] for one in ticks.asked]


@pytest.mark.slow
def test_a_day_is_asked_for_when_it_is_over_everywhere_together_with_the_three_before_it(
    ticks: Ticks,
) -> None:
    ticks.land("ledger_entries")
    assert posted(ticks) == [["2024-06-10", "2024-06-13"]]

    ticks.stage.mews.set_clock(NOON + timedelta(minutes=4, seconds=59), running=False)
    ticks.discover()
    assert ticks.tick(SENSOR).skip_message.startswith("nothing is due; ")

    ticks.stage.mews.set_clock(NOON + timedelta(minutes=6), running=False)
    ticks.discover()
    ticks.tick(SENSOR)
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick(SENSOR).run_requests
    ran = ticks.run("ledger_entries", request)
    assert posted(ticks)[1:] == [["2024-06-11", "2024-06-14"]]
    told = [one for one in ran.get_asset_materialization_events() if one.asset_key.path[0] == "changes"]
    days = {str(one.partition).partition("|")[2] for one in told}
    assert days == {"2024-06-14"}, "nothing new came for the others"


@pytest.mark.slow
def test_what_is_posted_to_a_day_that_landed_is_told_of_with_it(ticks: Ticks) -> None:
    ticks.land("ledger_entries")
    late = {"Id": made_id("rebate"), "EnterpriseId": NORTH, "PostingDate": "2024-06-12", "Value": 1}
    ticks.stage.mews.put_record("LedgerEntry", late)
    ticks.stage.mews.set_clock(NOON + timedelta(minutes=6), running=False)
    ticks.discover()
    ticks.tick(SENSOR)
    ticks.stage.mews.advance(600)
    (request,) = ticks.tick(SENSOR).run_requests
    ran = ticks.run("ledger_entries", request)
    told = [one for one in ran.get_asset_materialization_events() if one.asset_key.path[0] == "changes"]
    assert {str(one.partition) for one in told} == {
        ticks.stage.key(NORTH, "2024-06-12"),
        ticks.stage.key(NORTH, "2024-06-14"),
        ticks.stage.key(SOUTH, "2024-06-14"),
    }
    verdicts = evaluations(ran, dg.AssetKey(["changes", "ledger_entries"]))
    assert verdicts["late_rows", None], "rows posted to days that are over are usual there"
