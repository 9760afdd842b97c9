"""The suite can fail: a rule that is broken on purpose is caught.

Seventeen rules that few seeds catch; `make chaos` tries all of them.
"""

from __future__ import annotations

import pytest

from mews_assets_tests.chaos.mutants import MUTANTS, UnfitMutantError, caught_by, only_of_the_rule

SEEDS = range(40)


@pytest.mark.slow_after_first
@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("windows are closed at both ends", 6),
        ("days end at midnight in utc", 17),
        ("ids are forgotten before landing", 4),
        ("our own clock decides what has settled", 24),
        ("versions of one id are one row", 8),
        ("files are written in place", 0),
        ("captures replace what was there", 7),
        ("manifests come before their files", 6),
        ("names are patterns", 5),
        ("folders above the lake are columns", 0),
        ("columns are those of the first file", 11),
        ("short pages end a query", 11),
        ("the content captured first stands", 6),
        ("windows are never looked at again", 8),
        ("rebuilds read only the captures that cover", 8),
        ("what brought nothing new is written again", 7),
        ("intervals are asked for as if their end were included", 0),
    ],
)
def test_a_broken_rule_is_caught(name: str, likely: int) -> None:
    """By the seed that caught it last time, or by another."""
    assert caught_by(name, (likely, *SEEDS)) is not None


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_replaces_is_there(name: str) -> None:
    """Else `make chaos` finds it out at night. That its arguments fit, too, only its scenario shows."""
    with MUTANTS[name]():
        pass


def test_twenty_rules_are_broken_on_purpose_and_each_says_what_it_breaks() -> None:
    assert len(MUTANTS) >= 20
    assert all(MUTANTS[name].__doc__ for name in MUTANTS)


def test_a_mutant_that_no_longer_fits_the_code_is_not_taken_for_a_caught_one() -> None:
    """Its own TypeError would count as a violation, and its rule would no longer be tested."""
    violation = (
        7,
        "run-3 failed though only [] struck: an error of mews_assets, TypeError: please report it",
    )
    with pytest.raises(UnfitMutantError, match=r"nothing new, seed 7: .*TypeError"):
        only_of_the_rule("nothing new", violation)
    assert only_of_the_rule("nothing new", (7, "lost a row")) == (7, "lost a row")
