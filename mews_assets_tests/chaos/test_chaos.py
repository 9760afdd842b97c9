"""Whatever happens, the tables come out the same: sixty seeds, or as many as MEWS_CHAOS_SEEDS says.

`make chaos` tells a thousand. A seed that fails prints its faults and the command that replays it.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mews_assets_tests.chaos.story import tell

SEEDS = int(os.environ.get("MEWS_CHAOS_SEEDS", "60"))
TOGETHER = 5


@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
def test_the_tables_hold_what_mews_showed_whatever_happens(first: int) -> None:
    for seed in range(first, min(first + TOGETHER, SEEDS)):
        outcome = tell(seed)
        assert not outcome.wrong, outcome.said()


def test_a_seed_is_the_same_story_in_every_process() -> None:
    """Else a failing seed could not be replayed. Names of folders and sets are in other orders there."""
    script = (
        "import logging; logging.disable(50)\n"
        "from mews_assets_tests.chaos.story import tell\n"
        "print('\\n'.join(tell(7).story))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for hash_seed in ("1", "2")
    ]
    assert told[0] and told[0] == told[1]
