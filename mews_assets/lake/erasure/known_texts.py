"""The ids and texts of a person in the lake: their own ids, and the texts of their own records.

Lives here: reading the person's records in all layers. Not here: which of the texts are searched for
(`identifying_texts`), and changing the records (`erase_customer`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mews_assets.catalog.model import Column, Kind, Table, snake_case
from mews_assets.lake.conversion.check_file import line_blocks, open_lines
from mews_assets.lake.conversion.mask_rows import PLACEHOLDER
from mews_assets.lake.conversion.parse_record import FieldError, is_number, parse
from mews_assets.lake.erasure.identifying_texts import TextKind, TextSource, whole_names
from mews_assets.lake.erasure.unreadable_files import UnreadableFiles
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.text.match_ids import IdMatcher, same_id


class Known:
    """The ids and texts of a person that were read so far."""

    def __init__(self, people: Iterable[str]) -> None:
        self.people = set(map(same_id, people))
        self.merged_into: set[str] = set()
        self.texts: dict[str, TextSource] = {}

    def add(self, identity: str, merged_into: str | None, texts: Iterable[tuple[str, TextSource]]) -> None:
        """Add a record, if it is the person's, or of a customer who was merged into the person."""
        identity, merged_into = same_id(identity), same_id(merged_into) if merged_into else None
        if merged_into in self.people:
            self.people.add(identity)
        if identity not in self.people:
            return
        if merged_into and merged_into not in self.people:
            self.merged_into.add(merged_into)
        given = [(text, source) for text, source in texts if text != PLACEHOLDER and text.strip()]
        for text, source in given:
            self.add_text(text, source)
        for name in whole_names(text for text, source in given if source.kind is TextKind.NAME):
            self.add_text(name, TextSource(TextKind.WHOLE_NAME))

    def add_text(self, text: str, source: TextSource) -> None:
        self.texts[text] = source | self.texts.get(text, source)


def learn(lake: Lake, tables: Iterable[Table], known: Known, unreadable: UnreadableFiles) -> None:
    """Read the person's own records in tables about people, until no more of their ids are found."""
    tables, before = tuple(tables), 0
    while before < len(known.people):  # a customer may be merged into a merged customer
        before = len(known.people)
        for table in tables:
            _learn(lake, table, known, unreadable)


def _learn(lake: Lake, table: Table, known: Known, unreadable: UnreadableFiles) -> None:
    with lake.workspace() as workspace:
        for landed_as in layout.landings(table.name):
            for capture in capture_store.captures(lake, landed_as):
                with unreadable.of(layout.manifest(landed_as, capture)):
                    manifest = read_manifest(lake, landed_as, capture)
                    if manifest.expired_at is None:
                        for path in capture_store.landed_files(lake, manifest, workspace):
                            _learn_of_lines(path, table, known)
        for folder in (
            layout.changes_folder(table.name),
            layout.snapshot_folder(table.name),
            layout.current_folder(table.name),
        ):
            for name in lake.files(folder, recursive=True):
                with unreadable.of(name):
                    _learn_of_rows(lake.local_copy(name, workspace), table, known)


def _learn_of_lines(path: Path, table: Table, known: Known) -> None:
    names = IdMatcher(known.people)
    columns = {column.name: column for column in table.columns}
    targets = [column.name for column in table.columns if column.person and column.name != "Id"]
    with open_lines(path) as source:
        for block in line_blocks(source):
            lines = block.split(b"\n")
            for at in names.lines(block):
                try:
                    record = parse(lines[at])
                except FieldError:
                    continue  # an erasure replaces the whole line
                target = next((record[name] for name in targets if record.get(name)), None)
                known.add(str(record.get("Id")), target, _of_record(record, columns))


def _of_record(record: dict[str, Any], columns: dict[str, Column]) -> Iterator[tuple[str, TextSource]]:
    """The texts of a record that may identify its person: personal, deprecated, or in a field unknown to the
    catalog."""
    for name, value in record.items():
        column = columns.get(name)
        if column is None or (column.kind is not Kind.ENUM and (column.pii or column.deprecated)):
            kind = TextKind.PERSONAL if column is not None and column.pii else TextKind.UNKNOWN
            yield from _texts(value, snake_case(name), kind)


def _source(field: str, kind: TextKind) -> TextSource:
    """The source of a text. At Mews, the names of fields that hold a name end with Name."""
    return TextSource(TextKind.NAME if field.endswith("_name") else kind, frozenset({field}))


def _texts(value: Any, field: str, kind: TextKind) -> Iterator[tuple[str, TextSource]]:
    """Every text in a parsed value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, snake_case(name), kind)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, field, kind)
    elif isinstance(value, str) and not is_number(value):
        yield value, _source(field, kind)


def _learn_of_rows(path: Path, table: Table, known: Known) -> None:
    personal = [column.field_name for column in table.kept_columns if _is_identifying(column)]
    targets = [column.field_name for column in table.kept_columns if column.person and column.name != "Id"]
    names = IdMatcher(known.people)
    with pq.ParquetFile(path) as file:
        existing = set(file.schema_arrow.names)
        columns_read = [name for name in ("id", *targets, *personal) if name in existing]
        # Arrow 18 fails on a file without row groups.
        for batch in file.iter_batches(columns=columns_read) if file.num_row_groups else ():
            mask = np.zeros(batch.num_rows, bool)
            for name in {"id", *targets} & existing:
                mask |= names.are(batch.column(name))
            for row in batch.filter(pa.array(mask)).to_pylist():
                target = next((row[name] for name in targets if row.get(name)), None)
                texts = [
                    (str(row[name]), _source(name, TextKind.PERSONAL)) for name in personal if row.get(name)
                ]
                known.add(row["id"], target, texts)


def _is_identifying(column: Column) -> bool:
    """Whether a value of the column may identify a person."""
    return column.pii and column.kind in (Kind.STRING, Kind.DATE) and not column.is_list
