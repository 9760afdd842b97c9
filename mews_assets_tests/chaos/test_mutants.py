"""The suite can fail: a rule that is broken on purpose is caught.

Four rules here, for they are caught soon; `make chaos` tries all of them.
"""

from __future__ import annotations

import pytest

from mews_assets_tests.chaos.mutants import MUTANTS, caught_by

SEEDS = range(40)


@pytest.mark.parametrize(
    "name",
    [
        "windows are closed at both ends",
        "ids are forgotten before landing",
        "captures are not marked pending",
        "versions of one id are one row",
    ],
)
def test_a_broken_rule_is_caught(name: str) -> None:
    assert caught_by(name, SEEDS) is not None


def test_twenty_rules_are_broken_on_purpose_and_each_says_what_it_breaks() -> None:
    assert len(MUTANTS) >= 20
    assert all(MUTANTS[name].__doc__ for name in MUTANTS)
