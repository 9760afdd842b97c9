"""Rows from DuckDB, given a table's types without copying their values.

Lives here: renaming nested fields. DuckDB reads a record under Mews' names; the nested columns of a table have other
names, and renaming them in SQL (remap_struct) takes a tenth of the parse time.
"""

from __future__ import annotations

import pyarrow as pa


def rename_nested(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same columns, in the same order, under the names and types of the schema."""
    columns = [_rename_values(values, field.type) for values, field in zip(rows.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _rename_values(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):  # JSON: text with a type of its own
        values = values.storage
    if values.type == kind:
        return values
    if pa.types.is_struct(kind):
        if values.offset:  # `field` applies the offset to the fields; the nulls need it too
            values = pa.concat_arrays([values])
        fields = [_rename_values(values.field(at), kind.field(at).type) for at in range(kind.num_fields)]
        return pa.Array.from_buffers(kind, len(values), values.buffers()[:1], values.null_count, 0, fields)
    if pa.types.is_list(kind):
        items = [_rename_values(values.values, kind.value_type)]
        return pa.Array.from_buffers(
            kind, len(values), values.buffers()[:2], values.null_count, values.offset, items
        )
    return values.cast(kind)
