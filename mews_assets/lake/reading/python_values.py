"""The values of a query's result as Python values, also where Python has no such value.

Lives here: dates and instants outside of the years 1 to 9999, which Python cannot represent, as text. DuckDB can, and
records have such dates: year 1 begins in UTC when New York is still in year 0.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_UNENDING = {2**31 - 1: "infinity", 1 - 2**31: "-infinity", 2**63 - 1: "infinity", 1 - 2**63: "-infinity"}
"""DuckDB's infinite dates and instants, as days or microseconds."""


def python_values(column: pa.Array) -> list[Any]:
    """The column's values; of dates and instants that Python cannot hold, the text, such as `0000-12-31`."""
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):
        return [_value(scalar) for scalar in column]
    return values


def _value(scalar: pa.Scalar) -> Any:
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.UnionScalar):
        return _value(scalar.value)
    if isinstance(scalar, pa.StructScalar):
        return {field.name: _value(scalar[place]) for place, field in enumerate(scalar.type)}
    if isinstance(scalar, pa.MapScalar):
        return [(_value(pair[0]), _value(pair[1])) for pair in scalar.values]
    if isinstance(scalar, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar):
        return [_value(item) for item in scalar.values]
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return _UNENDING.get(scalar.value) or _text(scalar)


def _text(scalar: pa.Scalar) -> str:
    """The text of a date or instant in the form that Python uses."""
    text = str(pc.cast(scalar, pa.string()).as_py())
    is_utc = text.endswith("Z")
    text = text.removesuffix("Z")
    if "." in text:
        text = text.removesuffix("0" * len(text.rpartition(".")[2])).removesuffix(".")
    return f"{text}+00:00" if is_utc else text
