"""Which rows of two batches differ, for columns of any type.

Lives here: comparing two batches of equal length row by row; Arrow's own comparison knows no lists, structs or maps.
Not here: which rows are compared (`changes.partition_writer`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def differing(left: pa.RecordBatch, right: pa.RecordBatch, columns: list[str]) -> Mask:
    """Row by row, whether the two differ in any of the columns. Null equals null only."""
    differ = np.zeros(left.num_rows, bool)
    for name in columns:
        differ |= _differing(left.column(name), right.column(name))
    return differ


def _differing(left: pa.Array, right: pa.Array) -> Mask:
    if pa.types.is_map(left.type):
        left, right = _as_list(left), _as_list(right)
    left_null, right_null = np.asarray(pc.is_null(left)), np.asarray(pc.is_null(right))
    differ: Mask = left_null != right_null
    if pa.types.is_null(left.type):
        return differ
    if pa.types.is_struct(left.type):
        for left_field, right_field in zip(left.flatten(), right.flatten(), strict=True):
            differ |= _differing(left_field, right_field)
        return differ
    if pa.types.is_list(left.type):
        differ |= _differing_lists(left, right)
        return differ
    differ |= np.asarray(pc.fill_null(pc.not_equal(left, right), False))
    return differ


def _differing_lists(left: pa.Array, right: pa.Array) -> Mask:
    left_lengths = np.asarray(pc.fill_null(pc.list_value_length(left), 0))
    right_lengths = np.asarray(pc.fill_null(pc.list_value_length(right), 0))
    differ: Mask = left_lengths != right_lengths
    # Lists of equal length are compared element by element.
    same_length = np.flatnonzero(~differ & (left_lengths > 0))
    if len(same_length):
        rows = pa.array(same_length)
        elements = _differing(left.take(rows).flatten(), right.take(rows).flatten())
        starts = np.concatenate([[0], np.cumsum(left_lengths[same_length])[:-1]])
        differ[same_length] = np.logical_or.reduceat(elements, starts)
    return differ


def _as_list(entries: pa.Array) -> pa.Array:
    pairs = pa.struct([pa.field("key", entries.type.key_type), pa.field("value", entries.type.item_type)])
    return entries.cast(pa.list_(pairs))
