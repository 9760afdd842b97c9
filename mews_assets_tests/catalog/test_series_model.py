"""Series: what a row of the catalog may say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mews_assets.catalog.columns import date, integer, string
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.entities.series import SERIES
from mews_assets.catalog.series_model import Matrix, Series, SeriesTable

TIDES = SeriesTable(
    "tides",
    "Tide",
    "One row per day.",
    (
        string("EnterpriseId", "Whose it is.", required=True),
        date("Day", "Day."),
        integer("Height", "Height."),
    ),
    Series("tides/getAll", "Day.Start", "Day.End", longest=28, lookback=7, records_key="Tides"),
    day="Day",
    keyed_by=("EnterpriseId", "Day"),
)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"day": "Height"}, "one day or instant"),
        ({"keyed_by": ("EnterpriseId",)}, "must differ in their key"),
        ({"keyed_by": ("Day", "EnterpriseId")}, "first column must be Day"),
        ({"columns": TIDES.columns[1:]}, "no column EnterpriseId"),
        ({"fetch": replace(TIDES.fetch, records_key="")}, "holds records, or else is a matrix"),
        (
            {"fetch": replace(TIDES.fetch, records_key="", matrix=Matrix("Day", "Rooms", ()))},
            "a matrix is of one parent",
        ),
        ({"fetch": replace(TIDES.fetch, longest=0)}, "at least one"),
        ({"columns": (*TIDES.columns, string("Guest", "Who saw it.", pii=True))}, "name no person"),
    ],
)
def test_a_series_that_cannot_be_asked_for_is_refused(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(TIDES, **wrong)


def test_the_parents_of_every_series_are_reference_tables() -> None:
    known = {reference.name for reference in REFERENCES}
    assert {name for table in SERIES for name in table.parents} <= known
