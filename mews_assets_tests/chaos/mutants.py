"""Deliberately broken variants of the rules: each must be caught, or the suite proves nothing.

Lives here: trying a mutant, seed by seed. Not here: what they break (`broken_asking`, `broken_lake`).
"""

from __future__ import annotations

from collections.abc import Iterable

from mews_assets_tests.chaos import broken_asking, broken_lake, frozen, story
from mews_assets_tests.chaos.breaking import MUTANTS

__all__ = ["MUTANTS", "broken_asking", "broken_lake", "caught_by"]

IN_FROZEN_STORIES = frozenset({"merges do not wait for each other"})
"""Tried in the story of `frozen` only, whose seeds are then given: the other seeds hardly come upon it."""


def caught_by(name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first of the seeds that catches a mutant, and what it said; None if none does."""
    if name in IN_FROZEN_STORIES:
        with MUTANTS[name]():
            found = ((seed, wrong) for seed in frozen.SEEDS for wrong in frozen.wrong_after_two_at_once(seed))
            return next(found, None)
    with MUTANTS[name]():
        for seed in seeds:
            try:
                outcome = story.tell(seed)
            except Exception as error:
                return seed, f"the story broke off: {error!r}"
            if outcome.wrong:
                return seed, outcome.wrong[0]
    return None
