"""Whatever faults occur, the tables come out the same: sixty seeds, or as many as MEWS_CHAOS_SEEDS says.

`make chaos` runs a thousand. A seed that fails prints its faults and the command that replays it.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mews_assets_tests.chaos.scenario import run_scenario

SEEDS = int(os.environ.get("MEWS_CHAOS_SEEDS", "60"))
TOGETHER = 5


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
def test_the_tables_hold_what_mews_showed_whatever_happens(first: int) -> None:
    for seed in range(first, min(first + TOGETHER, SEEDS)):
        outcome = run_scenario(seed)
        assert not outcome.wrong, outcome.report()


@pytest.mark.slow
def test_a_seed_gives_the_same_log_in_every_process() -> None:
    """Otherwise a failing seed could not be replayed. With another hash seed, sets are in another order."""
    script = (
        "import logging; logging.disable(50)\n"
        "from mews_assets_tests.chaos.scenario import run_scenario\n"
        "print('\\n'.join(run_scenario(7).log))"
    )
    logs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for hash_seed in ("1", "2")
    ]
    assert logs[0] and logs[0] == logs[1]
