"""What only one of two overlapping runs saw is not lost; without locks and conditional writes it would be."""

from __future__ import annotations

import pytest

from mews_assets_tests.chaos.mutants import MUTANTS
from mews_assets_tests.chaos.paused_runs import SEEDS, wrong_after_two_at_once


@pytest.mark.parametrize("seed", SEEDS)
def test_what_only_one_of_two_runs_saw_is_not_lost(seed: int) -> None:
    assert wrong_after_two_at_once(seed) == []


def test_without_locks_and_conditional_writes_it_is_lost() -> None:
    with MUTANTS["merges do not wait for each other"]():
        assert any("lost" in one for one in wrong_after_two_at_once(SEEDS[0]))
