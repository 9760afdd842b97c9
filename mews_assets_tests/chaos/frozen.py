"""Two runs at once, one of them stopped for a day where it hurts: what only one of them saw must not be lost.

Lives here: that one story. The seeds meet it too rarely: a record must move on between the two questions, and one
run must write between the other's reading and writing.
"""

from __future__ import annotations

import random
from datetime import timedelta

from mews_assets_tests.chaos.process import Freeze
from mews_assets_tests.chaos.story import staged
from mews_assets_tests.chaos.world import START

FAMILY = "product_service_orders"


class Steady(random.Random):
    """Nobody goes on but where the other is frozen, or waits."""

    def random(self) -> float:
        return 1.0


SEEDS = (4, 5)
"""In their worlds a record of the first day moves on during the second, so that the two runs see different ones."""


def wrong_after_two_at_once(seed: int) -> list[str]:
    """The first run sleeps a day with its answer in hand, the second for a moment before it writes."""
    with staged(seed, families=(FAMILY,)) as story:
        house, clock = story.house, story.clock
        house.weather.is_over = True
        house.turns._rng = Steady()
        clock.advance((START + timedelta(days=1, minutes=20) - clock.now()).total_seconds())
        story.verdict.after(house.discover())
        keys = [f"{scope}|2024-06-03" for scope in house.book.get_dynamic_partitions("enterprises")]
        (table,) = house.groups[0]
        asleep = Freeze("part-0000", timedelta(days=1).total_seconds())
        runs = [house.launch(table, keys) for _ in range(2)]
        at_once = zip(runs, (asleep, Freeze("before renaming changes/", 0.0)), strict=True)
        story._at_once([lambda one=one, at=at: story._came(house.execute(one, at)) for one, at in at_once])
        assert [run.problem for run in runs] == ["", ""]
        story.verdict.at_the_end()
        return [one for one in story.verdict.wrong if "never came" not in one]
