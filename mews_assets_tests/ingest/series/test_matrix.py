"""Rows from an answer that is a matrix of lists."""

from __future__ import annotations

import pytest

from mews_assets.catalog.series_model import SPREAD, Matrix
from mews_assets.ingest.series.matrix import UnevenMatrixError, rows_of

ROOMS = Matrix("TimeUnitStartUtc", "Categories", (("Metrics", SPREAD),))
PRICES = Matrix("TimeUnitStartUtc", "Categories", (("Amounts", "Amount"),), (("Base", "Amount"),))


def test_each_category_and_time_unit_is_a_row_with_a_column_for_each_metric() -> None:
    answer = (
        b'{"TimeUnitStartsUtc":["a","b"],"Categories":[{"Id":"x","Metrics":{"Occupied":[1,2],"New":[3,4]}}]}'
    )
    assert list(rows_of(ROOMS, answer, {"ServiceId": "s"})) == [
        b'{"ServiceId":"s","Id":"x","TimeUnitStartUtc":"a","Occupied":1,"New":3}',
        b'{"ServiceId":"s","Id":"x","TimeUnitStartUtc":"b","Occupied":2,"New":4}',
    ]


def test_numbers_keep_the_digits_that_mews_sent() -> None:
    answer = (
        b'{"TimeUnitStartsUtc":["a"],"Base":[{"V":1.10}],"Categories":[{"Id":"x","Amounts":[{"V":0.30}]}]}'
    )
    assert list(rows_of(PRICES, answer, {})) == [
        b'{"TimeUnitStartUtc":"a","Amount":{"V":1.10}}',
        b'{"Id":"x","TimeUnitStartUtc":"a","Amount":{"V":0.30}}',
    ]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (
            b'{"TimeUnitStartsUtc":["a"],"Categories":[{"Metrics":{"Occupied":[1,2]}}]}',
            "Occupied has 2 values",
        ),
        (b'{"TimeUnitStartsUtc":["a"]}', "no 'Categories'"),
        (b'{"TimeUnitStartsUtc":"a","Categories":[]}', "expected shape"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_never_no_rows(answer: bytes, problem: str) -> None:
    with pytest.raises(UnevenMatrixError, match=problem):
        list(rows_of(ROOMS, answer, {}))
