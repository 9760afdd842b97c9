"""Two machines on one object store lose no row and bring nobody back; without the rules that see to it they do."""

from __future__ import annotations

import pytest

from mews_assets_tests.chaos.two_machines import MUTANTS, caught_by, run_seed


@pytest.mark.slow_after_first
@pytest.mark.parametrize("seed", range(6))
def test_two_machines_lose_no_row_and_bring_nobody_back(seed: int) -> None:
    assert run_seed(seed).wrong == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "likely"), [("unconditional PUT", 0), ("lease without fencing", 1)], ids=lambda one: str(one)
)
def test_a_broken_rule_is_caught(name: str, likely: int) -> None:
    """By the seed that caught it last time, or by another."""
    assert caught_by(name, (likely, *range(20))) is not None
    assert MUTANTS[name].__doc__
