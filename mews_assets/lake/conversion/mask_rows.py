"""Personal data in rows: hashed, dropped, or erased for erased customers.

Lives here: changing Arrow rows of one table, before they are written or when a file is written again. Not here: landed
lines (`landing.redact_lines`), and which columns are personal (`catalog.privacy`).

Rows are masked once, where landed lines become rows: current and marts are made of masked rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.catalog.fields import fields
from mews_assets.catalog.model import Column, Kind, RecordType
from mews_assets.catalog.privacy import (
    Pii,
    Privacy,
    has_personal,
    is_data_subject_table,
    is_hashed,
    survives_erasure,
)
from mews_assets.lake.errors import LakeError
from mews_assets.lake.text.match_ids import IdMatcher

PLACEHOLDER = "forgotten"
"""Replaces an erased customer's text that Mews requires: an empty field would look like a fault of Mews."""
_EXACT_NUMBERS = "_exact_numbers"
_INDEX = re.compile(r"\[\d+\]")


class RowMasker:
    """Masks the rows of one table: all personal data as the policy says, and all data of erased customers.

    Raises LakeError where the policy hashes and the key is missing.
    """

    def __init__(self, table: RecordType, privacy: Privacy, erased: Collection[str] = ()) -> None:
        if privacy.pii is Pii.HASH and not privacy.key:
            raise LakeError(
                f"{table.name}: this lake holds hashes of personal data, and their key is missing. "
                "Set MEWS_PII=hash and MEWS_PII_KEY as they were when the lake was made"
            )
        self._table, self._privacy, self._erased = table, privacy, IdMatcher(erased)
        self._columns = {column.field_name: column for column in table.kept_columns}
        self._personal_paths = tuple(field.mews_path for field in fields(table) if field.is_personal)

    def mask(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The same rows with personal data masked."""
        if self._privacy.pii is Pii.KEEP and not self._erased:
            return batch
        erased = self.named_in(batch)
        columns = [
            self._masked_column(field.name, values, erased)
            for field, values in zip(batch.schema, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def named_in(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Which of the rows name an erased customer."""
        found = np.zeros(batch.num_rows, bool)
        if self._erased:
            for name, column in self._columns.items():
                if name in batch.schema.names:
                    found |= self._names(column, batch.column(name))
        return pa.array(found)

    def _masked_column(self, name: str, values: pa.Array, erased: pa.BooleanArray) -> pa.Array:
        if name == _EXACT_NUMBERS:
            return self._without_personal_numbers(values, erased)
        column = self._columns.get(name)
        if column is None:
            return values
        masked = _masked(column, values, self._privacy, False)
        if not erased.true_count:
            return masked
        if is_data_subject_table(self._table) and not survives_erasure(self._table, column):
            return pc.if_else(erased, _emptied(column, values), masked)
        return pc.if_else(erased, _emptied(column, values), masked) if has_personal(column) else masked

    def _names(self, column: Column, values: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of the values are, or contain, the id of an erased customer."""
        if column.is_list:
            found = np.zeros(len(values), bool)
            inner = self._names(_item_column(column), values.flatten())
            found[np.asarray(pc.list_parent_indices(values))[inner]] = True
            return found
        if column.person:
            return self._erased.are(values)
        if column.kind in (Kind.STRING, Kind.JSON):  # free text may name them too
            return self._erased.among(values)
        found = np.zeros(len(values), bool)
        if column.kind is Kind.OBJECT:
            for nested, inner in _nested(column, values):
                found |= self._names(nested, inner)
        return found

    def _without_personal_numbers(self, values: pa.Array, erased: pa.BooleanArray) -> pa.Array:
        """`_exact_numbers` without the digits of personal numbers."""
        if values.null_count == len(values):
            return values
        everywhere = self._privacy.pii is not Pii.KEEP
        kept = [
            None
            if numbers is None
            else [(path, text) for path, text in numbers if not (hides and self._is_personal(path))]
            for numbers, hides in zip(
                values.to_pylist(), (everywhere or is_erased for is_erased in erased.to_pylist()), strict=True
            )
        ]
        return pa.array([numbers or None for numbers in kept], values.type)

    def _is_personal(self, path: str) -> bool:
        place = _INDEX.sub("", path)
        return any(place == personal or place.startswith(f"{personal}.") for personal in self._personal_paths)


def _masked(column: Column, values: pa.Array, privacy: Privacy, within: bool) -> pa.Array:
    """The values as the policy says. `within`: they are part of a personal value."""
    personal = within or column.pii
    if privacy.pii is Pii.KEEP or not (personal or has_personal(column)):
        return values
    if personal and privacy.pii is Pii.DROP:
        return pa.nulls(len(values), values.type)
    if column.is_list:
        return _list_of(_masked(_item_column(column), values.flatten(), privacy, personal), values)
    if column.kind is Kind.OBJECT:
        return _struct_of(
            [_masked(nested, inner, privacy, personal) for nested, inner in _nested(column, values)], values
        )
    if not is_hashed(column):
        return pa.nulls(len(values), values.type)
    digest = privacy.digest
    return _by_value(
        values, (lambda text: _hashed_json(text, digest)) if column.kind is Kind.JSON else digest
    )


def _emptied(column: Column, values: pa.Array) -> pa.Array:
    """The values that replace an erased customer's."""
    if column.required and column.is_list:
        return pa.array([[]], values.type).take(pa.array(np.zeros(len(values), np.int64)))
    if column.required and is_hashed(column):
        text = PLACEHOLDER if column.kind is Kind.STRING else json.dumps(PLACEHOLDER)
        return pa.array(np.full(len(values), text), values.type)
    if column.kind is Kind.OBJECT and not column.pii and has_personal(column):
        return _masked(column, values, Privacy(Pii.DROP), False)
    return pa.nulls(len(values), values.type)


def _by_value(values: pa.Array, change: Callable[[str], str | None]) -> pa.Array:
    """Every text changed; each distinct text is changed once."""
    texts = values.dictionary_encode()
    changed = pa.array([change(text) for text in texts.dictionary.to_pylist()], values.type)
    return changed.take(texts.indices)


def _hashed_json(text: str, digest: Callable[[str], str]) -> str | None:
    try:
        value = json.loads(text)
        return json.dumps(_hashed_value(value, digest), separators=(",", ":"))
    except RecursionError:  # nested deeper than Python reads: nothing is shown
        return None


def _hashed_value(value: Any, digest: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _hashed_value(inner, digest) for name, inner in value.items()}
    if isinstance(value, list):
        return [_hashed_value(inner, digest) for inner in value]
    return digest(value) if isinstance(value, str) else None


def _nested(column: Column, values: pa.Array) -> list[tuple[Column, pa.Array]]:
    """The nested columns of an object that its type has, each with its values; null where the object is null."""
    names = {field.name: at for at, field in enumerate(values.type)}
    parts = values.flatten()
    found = {nested.field_name: nested for nested in column.columns if nested.field_name in names}
    return [(found[name], parts[at]) for name, at in names.items()]


def _item_column(column: Column) -> Column:
    """The column of one item of a list."""
    return replace(column, is_list=False)


def _struct_of(parts: list[pa.Array], like: pa.Array) -> pa.Array:
    return pa.StructArray.from_arrays(parts, fields=list(like.type), mask=pc.is_null(like))


def _list_of(items: pa.Array, like: pa.Array) -> pa.Array:
    lengths = np.asarray(pc.fill_null(pc.list_value_length(like), 0), np.int32)
    offsets = pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32())
    return pa.ListArray.from_arrays(offsets, items, type=like.type, mask=pc.is_null(like))
