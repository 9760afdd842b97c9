"""Rows from an answer that is a matrix: one list of time units, and lists of values beside it.

Lives here: `rows_of`, a pure function. Values keep the digits that Mews sent. Not here: requests (`ask`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mews_assets.catalog.series_model import SPREAD, Matrix

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])

Lists = dict[str, list[msgspec.Raw]]
"""The values of each column, one for each time unit."""


class UnevenMatrixError(ValueError):
    """An answer whose lists are not as long as its list of time units. The message says which, without values."""


def rows_of(matrix: Matrix, answer: bytes, named: Mapping[str, str]) -> Iterator[bytes]:
    """A record for each group and time unit, with the columns `named` in all of them. Raises UnevenMatrixError."""
    try:
        whole = _OBJECT.decode(answer)
        units = _LIST.decode(whole[matrix.units])
        own = {column: _LIST.decode(whole[name]) for name, column in matrix.own_values if name in whole}
        if own:
            yield from _rows(matrix, units, own, dict(named))
        for group in _OBJECTS.decode(whole[matrix.groups]):
            lists: Lists = {}
            for name, column in matrix.values:
                raw = group.pop(name)
                if column == SPREAD:
                    lists |= {key: _LIST.decode(values) for key, values in _OBJECT.decode(raw).items()}
                else:
                    lists[column] = _LIST.decode(raw)
            yield from _rows(matrix, units, lists, {**named, **group})
    except KeyError as error:
        raise UnevenMatrixError(f"the answer has no {error}") from error
    except msgspec.DecodeError as error:
        raise UnevenMatrixError(f"the answer is not of the expected shape: {error}") from error


def _rows(matrix: Matrix, units: list[msgspec.Raw], lists: Lists, same: Mapping[str, Any]) -> Iterator[bytes]:
    for name, values in lists.items():
        if len(values) != len(units):
            raise UnevenMatrixError(f"{name} has {len(values)} values for {len(units)} time units")
    for number, unit in enumerate(units):
        row = {**same, matrix.unit_column: unit, **{name: values[number] for name, values in lists.items()}}
        yield msgspec.json.encode(row)
