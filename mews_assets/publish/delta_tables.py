"""The lake's tables as Delta tables, for warehouses and engines that read Delta Lake.

Lives here: writing the rows of some scopes, or of a whole table, as one Delta transaction, and maintenance of the Delta
table (compaction, vacuum). The types are those of the lake's files. Delta's log holds statistics of the column `id`
only: those of other columns would put personal values into the log, where no rewrite reaches them. Not here: which
tables are published, and when (`defs.assets.delta`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from mews_assets.catalog.arrow import arrow_schema
from mews_assets.catalog.model import Table
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.parquet import cast_batch, open_batches

SCOPE = "scope"
KEEP_VERSIONS = timedelta(days=7)
"""How long old versions can be read: Delta's own default for the files of removed rows."""
_BATCH_ROWS = 16_384
_COMMIT_TRIES = 15
_CONFIGURATION: dict[str, str | None] = {"delta.dataSkippingStatsColumns": "id"}


@dataclass(frozen=True)
class DeltaVersion:
    """A Delta table after a transaction. `rows` and `size_bytes` are of the whole table."""

    uri: str
    version: int
    rows: int
    files: int
    size_bytes: int


@dataclass(frozen=True)
class DeltaSource:
    """A table to publish: its name such as `payments`, its columns, and the Delta tables' folder or URI."""

    base: str
    name: str
    description: str
    schema: pa.Schema

    @property
    def uri(self) -> str:
        return f"{self.base.rstrip('/')}/{self.name}"


def publish_scopes(lake: Lake, source: DeltaSource, files: Mapping[str, str]) -> DeltaVersion:
    """Replace the rows of some scopes in one transaction.

    `files` maps each scope to its file in the lake. A scope without a file has no rows from now on. The Delta table has
    the column `scope` besides those of the file, and is partitioned by it. A new column of the catalog is added.
    """
    schema = source.schema.append(pa.field(SCOPE, pa.string(), nullable=False))
    quoted = ", ".join("'" + scope.replace("'", "''") + "'" for scope in sorted(files))
    rows = _rows_by_scope(lake, files, schema)
    return _replace(
        lake,
        source,
        schema,
        rows,
        partition_by=[SCOPE],
        predicate=f"{SCOPE} IN ({quoted})",
        schema_mode="merge",
    )


def publish_table(lake: Lake, source: DeltaSource, file: str) -> DeltaVersion:
    """Replace a whole table by a file of the lake in one transaction; its columns are the file's."""
    with lake.workspace() as workspace:
        batches = open_batches(lake.local_copy(file, workspace), _BATCH_ROWS)
        rows = (cast_batch(batch, source.schema) for batch in batches)
        return _replace(
            lake, source, source.schema, rows, partition_by=[], predicate=None, schema_mode="overwrite"
        )


def _replace(
    lake: Lake,
    source: DeltaSource,
    schema: pa.Schema,
    rows: Iterator[pa.RecordBatch],
    *,
    partition_by: list[str],
    predicate: str | None,
    schema_mode: Literal["merge", "overwrite"],
) -> DeltaVersion:
    """Put the rows in the place of those that the predicate names, or of all."""
    DeltaTable.create(
        source.uri,
        _commented(schema),
        mode="ignore",
        partition_by=partition_by,
        name=source.name,
        description=source.description,
        configuration=_CONFIGURATION,
    )
    with lake.lock(f"delta-{source.name}"):
        write_deltalake(
            source.uri,
            pa.RecordBatchReader.from_batches(schema, rows),
            mode="overwrite",
            predicate=predicate,
            schema_mode=schema_mode,
            commit_properties=CommitProperties(max_commit_retries=_COMMIT_TRIES),
        )
    return describe(source)


def describe(source: DeltaSource) -> DeltaVersion:
    """The Delta table as it stands. Raises TableNotFoundError where there is none."""
    table = DeltaTable(source.uri)
    added = pa.table(table.get_add_actions(flatten=True))
    return DeltaVersion(
        source.uri,
        table.version(),
        sum(added.column("num_records").to_pylist()),
        added.num_rows,
        sum(added.column("size_bytes").to_pylist()),
    )


def maintain(source: DeltaSource, keep: timedelta = KEEP_VERSIONS) -> int | None:
    """Compact small files and remove those of versions older than `keep`. Gives the number of removed files.

    None where the Delta table does not exist. With `keep` zero no older version can be read any more.
    """
    try:
        table = DeltaTable(source.uri)
    except TableNotFoundError:
        return None
    table.optimize.compact()
    table.update_incremental()
    removed = table.vacuum(
        retention_hours=int(keep.total_seconds() // 3600),
        enforce_retention_duration=False,
        dry_run=False,
        full=True,
    )
    return len(removed)


def republish_current(lake: Lake, base: str, tables: Iterable[Table]) -> list[str]:
    """Publish the current tables anew and remove all older versions. Gives the names of those that are published.

    For a customer who was forgotten: the lake's files no longer hold their values, older versions still do.
    """
    done = []
    for table in tables:
        source = DeltaSource(base, table.name, table.description, arrow_schema(table))
        try:
            held = {str(partition[SCOPE]) for partition in DeltaTable(source.uri).partitions()}
        except TableNotFoundError:
            continue
        names = lake.files(layout.current_folder(table.name), recursive=True)
        scopes = held | {layout.scope_of(name) for name in names if name.endswith(f"/{layout.ROWS_FILE}")}
        if scopes:
            publish_scopes(lake, source, {scope: layout.current_file(table.name, scope) for scope in scopes})
        maintain(source, keep=timedelta(0))
        done.append(table.name)
    return done


def _commented(schema: pa.Schema) -> pa.Schema:
    """The columns with their descriptions where engines look for them."""
    return pa.schema(
        field.with_metadata({b"comment": text})
        if (text := (field.metadata or {}).get(b"description"))
        else field
        for field in schema
    )


def _rows_by_scope(lake: Lake, files: Mapping[str, str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    with lake.workspace() as workspace:
        for scope, name in sorted(files.items()):
            if not lake.exists(name):
                continue
            for batch in open_batches(lake.local_copy(name, workspace), _BATCH_ROWS):
                named = batch.append_column(SCOPE, pa.repeat(scope, batch.num_rows))
                yield cast_batch(named, schema)
