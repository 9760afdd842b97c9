"""Deliberately broken variants of the rules: the suite must catch each of them.

Lives here: running the scenarios with a mutant, seed by seed. Not here: the mutants (`api_mutants`, `lake_mutants`).
"""

from __future__ import annotations

from collections.abc import Iterable

from mews_assets_tests.chaos import api_mutants, lake_mutants, paused_runs, scenario
from mews_assets_tests.chaos.mutant_registry import MUTANTS

__all__ = ["MUTANTS", "api_mutants", "caught_by", "lake_mutants"]

IN_PAUSED_RUNS = frozenset({"merges do not wait for each other"})
"""Tried in the scenario of `paused_runs` only, with its seeds: in the other scenarios such an overlap is too rare."""


def caught_by(name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed that catches a mutant, and the violation that it found; None if no seed does."""
    if name in IN_PAUSED_RUNS:
        with MUTANTS[name]():
            found = (
                (seed, wrong)
                for seed in paused_runs.SEEDS
                for wrong in paused_runs.wrong_after_two_at_once(seed)
            )
            return next(found, None)
    with MUTANTS[name]():
        for seed in seeds:
            try:
                outcome = scenario.run_scenario(seed)
            except Exception as error:
                return seed, f"the scenario broke off: {error!r}"
            if outcome.wrong:
                return seed, outcome.wrong[0]
    return None
