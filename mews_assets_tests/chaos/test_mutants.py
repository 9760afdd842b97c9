"""The suite can fail: a rule that is broken on purpose is caught.

Seventeen rules that few seeds catch; `make chaos` tries all of them.
"""

from __future__ import annotations

import pytest

from mews_assets_tests.chaos.mutants import MUTANTS, caught_by

SEEDS = range(40)


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("windows are closed at both ends", 1),
        ("days end at midnight in utc", 17),
        ("ids are forgotten before landing", 4),
        ("our own clock decides what has settled", 38),
        ("versions of one id are one row", 4),
        ("files are written in place", 7),
        ("captures replace what was there", 3),
        ("manifests come before their files", 3),
        ("names are patterns", 5),
        ("folders above the lake are columns", 0),
        ("columns are those of the first file", 11),
        ("short pages end a query", 11),
        ("the content captured first stands", 6),
        ("windows are never looked at again", 2),
        ("rebuilds read only the captures that cover", 12),
        ("what brought nothing new is written again", 0),
        ("intervals are asked for as if their end were included", 0),
    ],
)
def test_a_broken_rule_is_caught(name: str, likely: int) -> None:
    """By the seed that caught it last time, or by another."""
    assert caught_by(name, (likely, *SEEDS)) is not None


def test_twenty_rules_are_broken_on_purpose_and_each_says_what_it_breaks() -> None:
    assert len(MUTANTS) >= 20
    assert all(MUTANTS[name].__doc__ for name in MUTANTS)
