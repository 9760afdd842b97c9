"""Forgetting a customer: every file that holds them written anew without them, and a search that proves it.

Lives here: the order of the work. Not here: what is taken out of a line (`redaction`) and of a row (`hiding`), how
later captures are kept from bringing it back (`forgotten`).

No row and no line goes: money stays money, counts stay counts, and what is rebuilt from the landing is what stands
in changes. The id stays in them; the record it leads to is empty. In a row that names the person everything personal
goes, a companion's on the same bill too: nobody can tell which free text is about whom.

The work can be stopped anywhere and done again. Each file is put in place whole, the list of the forgotten first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mews_assets.catalog.model import Column, Kind, Table
from mews_assets.catalog.privacy import KEEP, is_of_people
from mews_assets.lake import landing, layout, snapshot
from mews_assets.lake.errors import LakeError
from mews_assets.lake.forgotten import remember
from mews_assets.lake.hiding import FORGOTTEN, Hiding
from mews_assets.lake.lines import open_lines
from mews_assets.lake.records import FieldError, is_number, parse
from mews_assets.lake.redaction import line_blocks
from mews_assets.lake.rewriting import rewrite
from mews_assets.lake.search import Found, search
from mews_assets.lake.store import Lake

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{7,99}", re.ASCII)
"""Short ones would be found in half of all lines."""
_TELLING_LENGTH = 4
"""Characters. Shorter texts, such as country codes, stand everywhere and tell nobody."""


@dataclass
class Forgotten:
    """What forgetting did. `people` are the ids: the one asked for, and those that were merged into it."""

    people: tuple[str, ...]
    merged_into: tuple[str, ...]
    """Customers that the person was merged into: the same person most likely, and not touched."""
    texts: tuple[str, ...] = field(repr=False)
    """What told who the person is, as far as the lake knew, and was then looked for."""
    files: Counter[str] = field(default_factory=Counter)
    """Rewritten, by layer."""
    records: Counter[str] = field(default_factory=Counter)
    """Lines and rows changed, by layer."""
    workspaces_in_use: int = 0
    found: Found = field(default_factory=Found)


def forget(
    lake: Lake, tables: Iterable[Table], person: str, now: datetime, *, also: Collection[str] = ()
) -> Forgotten:
    """Take a customer out of the lake and search it. `also` are more texts to look for, such as a name.

    Raises LakeError on what is no id.
    """
    if not _ID.fullmatch(person):
        raise LakeError(f"{person[:40]!r} is no customer's id; it stands in `id` of the table customers")
    tables = tuple(tables)
    of_people = [table for table in tables if is_of_people(table)]
    known = _Known({person})
    before = 0
    while before < len(known.people):  # somebody may be merged into one who was merged
        before = len(known.people)
        for table in of_people:
            _learn(lake, table, known)
    remember(lake, known.people, now)
    done = Forgotten(tuple(sorted(known.people)), tuple(sorted(known.merged_into)), ())
    for table in tables:
        _forget_in(lake, table, known.people, done)
    done.workspaces_in_use = lake.drop_dead_workspaces()
    texts = {text for text in known.texts if len(text) >= _TELLING_LENGTH} | set(also)
    if lake.privacy.key:
        texts |= {lake.privacy.digest(text) for text in texts}
    done.texts = tuple(sorted(texts))
    done.found = search(lake, done.texts, done.people, {table.name for table in of_people})
    return done


def _forget_in(lake: Lake, table: Table, people: Collection[str], done: Forgotten) -> None:
    hiding = Hiding(table, KEEP, people)  # what the policy hides is hidden already
    with lake.lock(f"changes-{table.name}"), lake.workspace() as workspace:
        _forget_landed(lake, table.name, people, workspace, done)
        for folder, layer in (
            (layout.changes_folder(table.name), layout.CHANGES),
            (layout.boundary_tables_folder(table.name), "boundary"),
        ):
            for name in lake.files(folder, recursive=True):
                _forget_rows(lake, name, layer, hiding, workspace, done)
    with lake.lock(snapshot.lock_name(table)), lake.workspace() as workspace:
        _forget_landed(lake, layout.snapshot_landing(table.name), people, workspace, done)
        for name in lake.files(layout.snapshot_folder(table.name), recursive=True):
            _forget_rows(lake, name, layout.SNAPSHOT, hiding, workspace, done)
    for name in lake.files(layout.current_folder(table.name), recursive=True):
        scope = layout.scope_of(name)
        with lake.lock(f"{layout.CURRENT}-{table.name}-{scope}"), lake.workspace() as workspace:
            _forget_rows(lake, name, layout.CURRENT, hiding, workspace, done)


def _forget_landed(lake: Lake, name: str, people: Collection[str], workspace: Path, done: Forgotten) -> None:
    for capture in landing.captures(lake, name):
        before = landing.read_manifest(lake, name, capture)
        after = landing.redact(lake, before, people, workspace)
        changed = sum(one != other for one, other in zip(before.files, after.files, strict=True))
        done.files[layout.LANDING] += changed
        done.records[layout.LANDING] += after.redacted_lines - before.redacted_lines


def _forget_rows(lake: Lake, name: str, layer: str, hiding: Hiding, workspace: Path, done: Forgotten) -> None:
    if changed := rewrite(lake, name, hiding.rows, workspace):
        done.files[layer] += 1
        done.records[layer] += changed


class _Known:
    """What the lake knows of a person: their ids, and the texts that tell who they are."""

    def __init__(self, people: set[str]) -> None:
        self.people = people
        self.merged_into: set[str] = set()
        self.texts: set[str] = set()

    def add(self, identity: str, merged_into: str | None, texts: Iterable[str]) -> None:
        if merged_into in self.people:
            self.people.add(identity)
        if identity in self.people:
            self.texts.update(text for text in texts if text != FORGOTTEN)
            if merged_into and merged_into not in self.people:
                self.merged_into.add(merged_into)


def _learn(lake: Lake, table: Table, known: _Known) -> None:
    """Read the person's own records, wherever they stand."""
    with lake.workspace() as workspace:
        for landed_as in layout.landings(table.name):
            for capture in landing.captures(lake, landed_as):
                manifest = landing.read_manifest(lake, landed_as, capture)
                if manifest.expired_at is None:
                    for path in landing.landed_files(lake, manifest, workspace):
                        _learn_of_lines(path, table, known)
        for folder in (
            layout.changes_folder(table.name),
            layout.snapshot_folder(table.name),
            layout.current_folder(table.name),
        ):
            for name in lake.files(folder, recursive=True):
                _learn_of_rows(lake.fetch(name, workspace), table, known)


def _learn_of_lines(path: Path, table: Table, known: _Known) -> None:
    wanted = [one.encode() for one in known.people]
    plain = {one.name for one in table.columns if one.kind is Kind.ENUM or not (one.pii or one.deprecated)}
    targets = [column.name for column in table.columns if column.person and column.name != "Id"]
    with open_lines(path) as source:
        for block in line_blocks(source):
            if not any(one in block for one in wanted):
                continue
            for line in block.split(b"\n"):
                if any(one in line for one in wanted):
                    try:
                        record = parse(line)
                    except FieldError:
                        continue  # it is taken out whole
                    told = {name: value for name, value in record.items() if name not in plain}
                    target = next((record[name] for name in targets if record.get(name)), None)
                    known.add(str(record.get("Id")), target, _texts(told))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a parsed value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str) and not is_number(value):
        yield value


def _learn_of_rows(path: Path, table: Table, known: _Known) -> None:
    personal = [one.field_name for one in table.kept_columns if _tells(one)]
    targets = [one.field_name for one in table.kept_columns if one.person and one.name != "Id"]
    with pq.ParquetFile(path) as file:
        there = set(file.schema_arrow.names)
        columns = [name for name in ("id", *targets, *personal) if name in there]
        for batch in file.iter_batches(columns=columns):
            people = pa.array(sorted(known.people), pa.string())
            mask = pc.is_in(batch.column("id"), value_set=people)
            for name in set(targets) & there:
                mask = pc.or_(mask, pc.is_in(batch.column(name), value_set=people))
            for row in batch.filter(mask).to_pylist():
                target = next((row[name] for name in targets if row.get(name)), None)
                known.add(row["id"], target, _texts([str(row[name]) for name in personal if row.get(name)]))


def _tells(column: Column) -> bool:
    """Whether a value of the column alone may tell who somebody is."""
    return column.pii and column.kind in (Kind.STRING, Kind.DATE) and not column.is_list
