"""What the lake knows of a person: the ids they have, and the texts that their own records hold.

Lives here: reading the person's records, wherever they stand. Not here: which of the texts are looked for (`telling`),
and what is done to the records (`forget`).
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
from mews_assets.lake.erasure.identifying_texts import Standing, Stood, whole_names
from mews_assets.lake.erasure.unreadable_files import Damage
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.text.match_ids import Names, same_id


class Known:
    """What is known of a person so far."""

    def __init__(self, people: Iterable[str]) -> None:
        self.people = set(map(same_id, people))
        self.merged_into: set[str] = set()
        self.texts: dict[str, Stood] = {}

    def add(self, identity: str, merged_into: str | None, texts: Iterable[tuple[str, Stood]]) -> None:
        """A record of somebody; it counts if it is the person's, or of one who was merged into them."""
        identity, merged_into = same_id(identity), same_id(merged_into) if merged_into else None
        if merged_into in self.people:
            self.people.add(identity)
        if identity not in self.people:
            return
        if merged_into and merged_into not in self.people:
            self.merged_into.add(merged_into)
        there = [(text, stood) for text, stood in texts if text != PLACEHOLDER and text.strip()]
        for text, stood in there:
            self.take(text, stood)
        for name in whole_names(text for text, stood in there if stood.standing is Standing.NAME):
            self.take(name, Stood(Standing.WHOLE_NAME))

    def take(self, text: str, stood: Stood) -> None:
        self.texts[text] = stood | self.texts.get(text, stood)


def learn(lake: Lake, tables: Iterable[Table], known: Known, damage: Damage) -> None:
    """Read the person's own records in tables about people, until no more of their ids are found."""
    tables, before = tuple(tables), 0
    while before < len(known.people):  # somebody may be merged into one who was merged
        before = len(known.people)
        for table in tables:
            _learn(lake, table, known, damage)


def _learn(lake: Lake, table: Table, known: Known, damage: Damage) -> None:
    with lake.workspace() as workspace:
        for landed_as in layout.landings(table.name):
            for capture in capture_store.captures(lake, landed_as):
                with damage.of(layout.manifest(landed_as, capture)):
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
                with damage.of(name):
                    _learn_of_rows(lake.local_copy(name, workspace), table, known)


def _learn_of_lines(path: Path, table: Table, known: Known) -> None:
    names = Names(known.people)
    columns = {column.name: column for column in table.columns}
    targets = [column.name for column in table.columns if column.person and column.name != "Id"]
    with open_lines(path) as source:
        for block in line_blocks(source):
            lines = block.split(b"\n")
            for at in names.lines(block):
                try:
                    record = parse(lines[at])
                except FieldError:
                    continue  # it is taken out whole
                target = next((record[name] for name in targets if record.get(name)), None)
                known.add(str(record.get("Id")), target, _of_record(record, columns))


def _of_record(record: dict[str, Any], columns: dict[str, Column]) -> Iterator[tuple[str, Stood]]:
    """The texts of a record that may tell who it is of: personal, deprecated, or in a field nobody knows."""
    for name, value in record.items():
        column = columns.get(name)
        if column is None or (column.kind is not Kind.ENUM and (column.pii or column.deprecated)):
            standing = Standing.PERSONAL if column is not None and column.pii else Standing.UNKNOWN
            yield from _texts(value, snake_case(name), standing)


def _stood(field: str, standing: Standing) -> Stood:
    """Mews ends the names of fields that hold a name with Name."""
    return Stood(Standing.NAME if field.endswith("_name") else standing, frozenset({field}))


def _texts(value: Any, field: str, standing: Standing) -> Iterator[tuple[str, Stood]]:
    """Every text in a parsed value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, snake_case(name), standing)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, field, standing)
    elif isinstance(value, str) and not is_number(value):
        yield value, _stood(field, standing)


def _learn_of_rows(path: Path, table: Table, known: Known) -> None:
    personal = [one.field_name for one in table.kept_columns if _tells(one)]
    targets = [one.field_name for one in table.kept_columns if one.person and one.name != "Id"]
    names = Names(known.people)
    with pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        columns = [name for name in ("id", *targets, *personal) if name in there]
        # Of a file without rows, Arrow 18 asks for the row group before its first.
        for batch in file.iter_batches(columns=columns) if file.num_row_groups else ():
            mask = np.zeros(batch.num_rows, bool)
            for name in {"id", *targets} & there:
                mask |= names.are(batch.column(name))
            for row in batch.filter(pa.array(mask)).to_pylist():
                target = next((row[name] for name in targets if row.get(name)), None)
                texts = [
                    (str(row[name]), _stood(name, Standing.PERSONAL)) for name in personal if row.get(name)
                ]
                known.add(row["id"], target, texts)


def _tells(column: Column) -> bool:
    """Whether a value of the column alone may tell who somebody is."""
    return column.pii and column.kind in (Kind.STRING, Kind.DATE) and not column.is_list
