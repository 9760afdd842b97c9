"""The verdict itself: what it lets pass, and what it does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from mews_assets.ingest.pending_exports import MAX_TRIES
from mews_assets_tests.chaos.process import Death
from mews_assets_tests.chaos.story import Story, staged


def with_a_hopeless_export(story: Story) -> str:
    """Every run of the first export dies. Gives its id; the next tick gives it up."""
    house = story.house
    house.weather.is_over = True
    story.clock.advance(timedelta(days=2).total_seconds())
    story.verdict.after(house.discover())
    tick_of(story)
    while len(house.book.runs) < MAX_TRIES:
        for _ in range(2):  # one to back off, one to go on
            story.clock.advance(timedelta(hours=2).total_seconds())
            tick_of(story)
        story.verdict.after(house.execute(house.book.runs[-1], "part-0000"))
        house.find_dead()
    assert len(house.book.runs) == MAX_TRIES
    (export,) = house.notes.told
    return export


def tick_of(story: Story, dies_at: Death = None) -> None:
    story.verdict.after(story.house.tick(story.house.groups[0], dies_at))


def log_of(story: Story) -> list[str]:
    return [path.stem for path in (Path(story.house.base.root) / "state/exports").rglob("*.json")]


def test_an_id_is_not_lost_when_the_tick_that_gives_it_up_dies() -> None:
    """Its cursor still has the flight, and the next tick gives it up anew."""
    with staged(1, families=("order_items",)) as story:
        export = with_a_hopeless_export(story)
        assert not story.verdict.wrong
        tick_of(story, "after deleting state/exports")
        assert export not in log_of(story)
        assert not story.verdict.wrong
        tick_of(story)
        assert not story.verdict.wrong
        assert any(f"export {export}: {MAX_TRIES} runs failed" in reason for reason in story.house.reasons)


def test_an_id_that_leaves_the_log_otherwise_is_lost() -> None:
    with staged(1, families=("order_items",)) as story:
        export = with_a_hopeless_export(story)
        tick_of(story, "before state/exports")
        assert not story.verdict.wrong
        for path in (Path(story.house.base.root) / "state/exports").rglob("*.json"):
            path.unlink()
        story.verdict.after(story.house.rebuild(story.house.groups[0], []))
        assert story.verdict.wrong == [
            f"the id of export {export} is lost, seen after rebuild of order_items"
        ]


def test_a_run_that_ends_well_without_what_it_was_asked_for_is_wrong() -> None:
    with staged(1, families=("order_items",)) as story:
        with_a_hopeless_export(story)
        came = story.house.execute(story.house.book.runs[-1])
        story.verdict.after(came)
        assert came.green["order_items"] and not story.verdict.wrong
        gone = came.green["order_items"].pop()
        story.verdict.after(came)
        assert story.verdict.wrong == [f"{came.process.name} ended well without order_items {gone}"]
