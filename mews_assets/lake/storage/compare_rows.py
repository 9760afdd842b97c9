"""Whether rows say the same, column by column, whatever the columns are made of.

Lives here: comparing two equally long runs of rows over Arrow; Arrow's own comparison knows no lists, structs or
maps. Not here: which rows are compared, and what follows (`partition_files`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def differing(ones: pa.RecordBatch, others: pa.RecordBatch, columns: list[str]) -> Mask:
    """Row by row, whether the two differ in any of the columns. Nothing is no value, and equals nothing only."""
    found = np.zeros(ones.num_rows, bool)
    for name in columns:
        found |= _differing(ones.column(name), others.column(name))
    return found


def _differing(one: pa.Array, other: pa.Array) -> Mask:
    if pa.types.is_map(one.type):
        one, other = _as_list(one), _as_list(other)
    missing, missing_too = np.asarray(pc.is_null(one)), np.asarray(pc.is_null(other))
    found: Mask = missing != missing_too
    if pa.types.is_null(one.type):
        return found
    if pa.types.is_struct(one.type):
        for field, field_too in zip(one.flatten(), other.flatten(), strict=True):
            found |= _differing(field, field_too)
        return found
    if pa.types.is_list(one.type):
        found |= _differing_lists(one, other)
        return found
    found |= np.asarray(pc.fill_null(pc.not_equal(one, other), False))
    return found


def _differing_lists(one: pa.Array, other: pa.Array) -> Mask:
    lengths = np.asarray(pc.fill_null(pc.list_value_length(one), 0))
    lengths_too = np.asarray(pc.fill_null(pc.list_value_length(other), 0))
    found: Mask = lengths != lengths_too
    # Of lists that are equally long the elements stand side by side.
    alike = np.flatnonzero(~found & (lengths > 0))
    if len(alike):
        rows = pa.array(alike)
        elements = _differing(one.take(rows).flatten(), other.take(rows).flatten())
        starts = np.concatenate([[0], np.cumsum(lengths[alike])[:-1]])
        found[alike] = np.logical_or.reduceat(elements, starts)
    return found


def _as_list(entries: pa.Array) -> pa.Array:
    pairs = pa.struct([pa.field("key", entries.type.key_type), pa.field("value", entries.type.item_type)])
    return entries.cast(pa.list_(pairs))
