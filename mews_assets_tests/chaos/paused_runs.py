"""Two overlapping runs, each paused at the worst moment: what only one of them downloaded must not be lost.

Lives here: that one scenario, which drawn scenarios meet too rarely: a record must change between the two requests, and
one run must write between the other's read and write.
"""

from __future__ import annotations

import random
from datetime import timedelta

from mews_assets.defs.base.partitions import join_key
from mews_assets_tests.chaos.history import START
from mews_assets_tests.chaos.process import Pause
from mews_assets_tests.chaos.scenario import prepared

FAMILY = "product_service_orders"


class NeverSwitch(random.Random):
    """Switches between the two runs only where one is paused or waits for a lock."""

    def random(self) -> float:
        return 1.0


SEEDS = (4, 5)
"""With these seeds a record of the first day changes during the second, so that the two runs see different versions."""


def wrong_after_two_at_once(seed: int) -> list[str]:
    """The violations, where the first run pauses for a day after its download and the second before it writes."""
    with prepared(seed, families=(FAMILY,)) as scenario:
        system, clock = scenario.system, scenario.clock
        system.faults.is_over = True
        system.turns._rng = NeverSwitch()
        clock.advance((START + timedelta(days=1, minutes=20) - clock.now()).total_seconds())
        scenario.verdict.after(system.discover())
        keys = [
            join_key(scope, "2024-06-03") for scope in system.instance.get_dynamic_partitions("enterprises")
        ]
        (table,) = system.groups[0]
        asleep = Pause("part-0000", timedelta(days=1).total_seconds())
        runs = [system.launch(table, keys) for _ in range(2)]
        at_once = zip(runs, (asleep, Pause("before renaming changes/", 0.0)), strict=True)
        scenario._run_at_once(
            [lambda one=one, at=at: scenario._check(system.execute(one, at)) for one, at in at_once]
        )
        assert [run.problem for run in runs] == ["", ""]
        scenario.verdict.at_the_end()
        return [one for one in scenario.verdict.wrong if "never came" not in one]
