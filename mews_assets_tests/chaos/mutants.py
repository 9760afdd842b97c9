"""Deliberately broken variants of the rules: the suite must catch each of them.

Lives here: running the scenarios with a mutant, seed by seed. Not here: the mutants (`api_mutants`, `lake_mutants`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mews_assets_tests.chaos import api_mutants, lake_mutants, paused_runs, scenario
from mews_assets_tests.chaos.mutant_registry import MUTANTS

__all__ = ["MUTANTS", "api_mutants", "caught_by", "lake_mutants"]

IN_PAUSED_RUNS = frozenset({"merges do not wait for each other"})
"""Tried in the scenario of `paused_runs` only, with its seeds: in the other scenarios such an overlap is too rare."""


ERRORS_OF_A_MUTANT = re.compile(r"\b(TypeError|AttributeError|NameError|ImportError|AssertionError)\b")
"""What a mutant raises that no longer fits the code it replaces: it breaks no rule, and proves nothing."""


class UnfitMutantError(Exception):
    """A mutant does not fit the code any more, for example since a function takes another argument."""


def caught_by(name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed that catches a mutant, and the violation that it found; None if no seed does.

    Raises UnfitMutantError where the violation is an error of the mutant's own code.
    """
    if name in IN_PAUSED_RUNS:
        with MUTANTS[name]():
            found = (
                (seed, wrong)
                for seed in paused_runs.SEEDS
                for wrong in paused_runs.wrong_after_two_at_once(seed)
            )
            return only_of_the_rule(name, next(found, None))
    with MUTANTS[name]():
        for seed in seeds:
            try:
                outcome = scenario.run_scenario(seed, stops_early=True)
            except Exception as error:
                return only_of_the_rule(name, (seed, f"the scenario broke off: {error!r}"))
            if outcome.wrong:
                return only_of_the_rule(name, (seed, outcome.wrong[0]))
    return None


def only_of_the_rule(name: str, found: tuple[int, str] | None) -> tuple[int, str] | None:
    """The violation, unless it is an error of the mutant itself: then raises UnfitMutantError."""
    if found and ERRORS_OF_A_MUTANT.search(found[1]):
        raise UnfitMutantError(f"{name}, seed {found[0]}: {found[1]}")
    return found
