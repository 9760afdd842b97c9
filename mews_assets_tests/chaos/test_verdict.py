"""The verdict itself: what it lets pass, and what it does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mews_assets.ingest.pending_exports import MAX_TRIES
from mews_assets_tests.chaos.process import KillPoint
from mews_assets_tests.chaos.scenario import Scenario, prepared


def with_a_hopeless_export(scenario: Scenario) -> str:
    """Every run of the first export dies. Gives its id; the next tick gives it up."""
    system = scenario.system
    system.faults.is_over = True
    scenario.clock.advance(timedelta(days=2).total_seconds())
    scenario.verdict.after(system.discover())
    tick_of(scenario)
    while len(system.instance.runs) < MAX_TRIES:
        for _ in range(2):  # one to back off, one to go on
            scenario.clock.advance(timedelta(hours=2).total_seconds())
            tick_of(scenario)
        scenario.verdict.after(system.execute(system.instance.runs[-1], "part-0000"))
        system.find_dead()
    assert len(system.instance.runs) == MAX_TRIES
    (export,) = system.observed.export_ids
    return export


def tick_of(scenario: Scenario, kill_at: KillPoint = None) -> None:
    scenario.verdict.after(scenario.system.tick(scenario.system.groups[0], kill_at))


def log_of(scenario: Scenario) -> list[str]:
    return [path.stem for path in (Path(scenario.system.base.root) / "state/exports").rglob("*.json")]


def test_an_id_is_not_lost_when_the_tick_that_gives_it_up_dies() -> None:
    """Its cursor still has the flight, and the next tick gives it up anew."""
    with prepared(1, families=("order_items",)) as scenario:
        export = with_a_hopeless_export(scenario)
        assert not scenario.verdict.wrong
        tick_of(scenario, "after deleting state/exports")
        assert export not in log_of(scenario)
        assert not scenario.verdict.wrong
        tick_of(scenario)
        assert not scenario.verdict.wrong
        assert any(
            f"export {export}: {MAX_TRIES} runs failed" in reason for reason in scenario.system.reasons
        )


def test_an_id_that_leaves_the_log_otherwise_is_lost() -> None:
    with prepared(1, families=("order_items",)) as scenario:
        export = with_a_hopeless_export(scenario)
        tick_of(scenario, "before state/exports")
        assert not scenario.verdict.wrong
        for path in (Path(scenario.system.base.root) / "state/exports").rglob("*.json"):
            path.unlink()
        scenario.verdict.after(scenario.system.rebuild(scenario.system.groups[0], []))
        assert scenario.verdict.wrong == [
            f"the id of export {export} is lost, seen after rebuild of order_items"
        ]


def test_a_run_that_ends_well_without_what_it_was_asked_for_is_wrong() -> None:
    with prepared(1, families=("order_items",)) as scenario:
        with_a_hopeless_export(scenario)
        came = scenario.system.execute(scenario.system.instance.runs[-1])
        scenario.verdict.after(came)
        assert came.green["order_items"] and not scenario.verdict.wrong
        gone = came.green["order_items"].pop()
        scenario.verdict.after(came)
        assert scenario.verdict.wrong == [f"{came.process.name} ended well without order_items {gone}"]
