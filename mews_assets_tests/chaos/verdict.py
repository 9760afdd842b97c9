"""The verdict: what must hold after every process and at the end, compared with what the sandbox showed.

Lives here: reading the lake as any reader does, and comparing it with the history of the sandbox. It does not ask the
code under test what it did, except for the captures that have landed and the partitions reported green.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Pages, Table, snake_case
from mews_assets.defs.base.metadata_keys import EXPORT_TAG
from mews_assets.defs.base.partitions import join_key
from mews_assets.defs.base.run_history import state_of
from mews_assets.ingest.pending_exports import DEADLINE, RunState
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_states
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.reading.sql_views import query
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.clock import read_micros, to_micros
from mews_assets.sandbox.server.sandbox_parts import Sandbox
from mews_assets.windows import Grain, from_key, settled_windows, to_key, window_at
from mews_assets_tests.chaos.captured_texts import wrong_texts
from mews_assets_tests.chaos.history import START, TAGS, History, ShownVersion, settles, window_of
from mews_assets_tests.chaos.process import Process
from mews_assets_tests.chaos.system import ProcessOutcome, System, lookback_of
from mews_assets_tests.defs.keys import PLAIN

Key = tuple[str, int]
CLOCKS_APART = timedelta(minutes=30)
"""The machine's clock is up to ten minutes off in either direction, and may be set after it was compared with Mews'."""


def read_rows(path: Path, table: Table) -> list[tuple[str, int, str]]:
    """Id, version and text of every row of a partition, in the file's order."""
    version, tag = snake_case(table.version_column), snake_case(TAGS[table.entity])
    found = pq.read_table(path, columns=["id", version, tag], partitioning=None)
    stamps = found.column(version).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    columns = (found.column("id"), stamps, found.column(tag))
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


@dataclass
class Verdict:
    """Checks one lake. `wrong` holds the violations."""

    system: System
    history: History
    sandbox: Sandbox
    wrong: list[str] = field(default_factory=list)
    rows: dict[str, dict[Key, str]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    """Files that the scenario deleted or copied, and that have not been read since."""
    _marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    _landed: dict[str, Manifest] = field(default_factory=dict)
    _settled_ids: set[str] = field(default_factory=set)
    _half_given_up: set[str] = field(default_factory=set)
    _shown: dict[str, list[ShownVersion]] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return self.system.base

    @property
    def tables(self) -> list[Table]:
        return [table for group in self.system.groups for table in group]

    def after(self, outcome: ProcessOutcome) -> None:
        """What must hold whenever a process has ended, however it ended."""
        self._check_files()
        self._check_export_ids(outcome)
        for name, keys in outcome.green.items():
            for key in keys:
                self._check_green(table_of(name), key, outcome.process.name)
        if outcome.asked and outcome.error is None and not outcome.was_killed:
            for table in outcome.group:
                green = set(map(str, outcome.green.get(table.name, ())))
                for key in sorted(set(outcome.asked) - green):
                    if not self._has_just_settled(table, key):
                        self.wrong.append(f"{outcome.process.name} ended well without {table.name} {key}")

    def _has_just_settled(self, table: Table, key: str) -> bool:
        """Whether a run may leave the partition out: by a clock that was set meanwhile its window has not settled."""
        window = from_key(self.system.keys.split(key)[1], Grain.DAILY)
        return settles(window, table) + CLOCKS_APART > self.sandbox.clock.now()

    def _check_files(self) -> None:
        """Every file that a reader sees is whole, and no partition has lost a row."""
        for table in self.tables:
            for path in self._changed(layout.changes_folder(table.name), ".parquet"):
                self._check_partition(path, table)
            for path in self._changed(layout.landing_folder(table.name), "manifest.json"):
                self._check_landing(path)
        for path in self._changed("state", ".json"):
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                self.wrong.append(f"half a file: {path}: {error}")

    def _changed(self, folder: str, ending: str) -> list[Path]:
        """The files that are new or have changed since the last check."""
        found = []
        for place, _, names in os.walk(f"{self.lake.root}/{folder}"):
            for name in names:
                if name.endswith(ending) and self._has_changed(path := f"{place}/{name}"):
                    found.append(path)
        return [Path(path) for path in sorted(found)]

    def _has_changed(self, path: str) -> bool:
        stat = os.stat(path)  # noqa: PTH116 - hundreds of thousands of times
        mark = (stat.st_mtime_ns, stat.st_ino)
        changed = self._marks.get(path) != mark
        self._marks[path] = mark
        return changed

    def lake_was_copied(self) -> None:
        """After a copy every file is a new one and may lack columns, so each may be written again once."""
        for path in list(self._marks):
            if Path(path).exists():
                self._has_changed(path)
        self.lost.update(self.rows)

    def _check_partition(self, path: Path, table: Table) -> None:
        name = str(path.relative_to(self.lake.root))
        try:
            rows = read_rows(path, table)
        except Exception as error:
            self.wrong.append(f"half a file: {name}: {error}")
            return
        scope, window = layout.partition_of(name)
        now = {(one, stamp): tag for one, stamp, tag in rows}
        if len(now) != len(rows):
            self.wrong.append(f"{name}: {len(rows) - len(now)} rows stand twice")
        if rows != sorted(rows, key=lambda row: (row[1], row[0])):
            self.wrong.append(f"{name}: rows are not in the order of version and id")
        if lost := self.rows.get(name, {}).keys() - now.keys():
            self.wrong.append(f"{name}: lost {self._named(table, lost)}, which it held before")
        # After a restatement a file may be written again, to name the capture of the last text.
        if self.rows.get(name) == now and name not in self.lost and not self.history.restated:
            self.wrong.append(f"{name}: was written again, and nothing new had come for it")
        self.lost.discard(name)
        for key, tag in now.items():
            true = self.history.by_key[table.entity].get(key)
            if true is None or tag not in self.history.texts_of(true) or scope != true.scope:
                self.wrong.append(f"{name}: holds {key} {tag!r}, which Mews never showed ({true})")
            elif table.parent_key is None and to_key(window_of(true.window_us), Grain.DAILY) != window:
                self.wrong.append(f"{name}: holds {true.tag}, which belongs to {window_of(true.window_us)}")
        self.rows[name] = now

    def _named(self, table: Table, keys: Any) -> list[str]:
        known = self.history.by_key[table.entity]
        return sorted(known[key].tag for key in keys)[:5]

    def _check_landing(self, path: Path) -> None:
        try:
            manifest = read_manifest(self.lake, path.parent.parent.name, path.parent.name)
        except LakeError as error:
            self.wrong.append(f"half a file: {path}: {error}")
            return
        self._landed[manifest.capture + manifest.table] = manifest
        for file in manifest.files:
            part = path.parent / file.name
            if not part.exists() or part.stat().st_size != file.stored_bytes:
                self.wrong.append(f"{manifest.table}, capture {manifest.capture}: {file.name} is not whole")

    def _check_export_ids(self, outcome: ProcessOutcome) -> None:
        """No export id is lost: each is in the export log, or has landed, or can bring nothing any more."""
        logged = {path.stem for path in (Path(self.lake.root) / "state/exports").rglob("*.json")}
        landed = {one.source.get("export_id") for one in self._landed.values()}
        for export, process in self.system.observed.export_ids.items():
            if export in self._settled_ids or export in logged:
                continue
            if process in self.system.process_by_thread.values() or self._is_given_up_again(export, outcome):
                continue
            if export in landed or self._is_over(export) or _is_excused(export, process):
                self._settled_ids.add(export)
                continue
            self._settled_ids.add(export)
            self.wrong.append(f"the id of export {export} is lost, seen after {outcome.process.name}")

    def _is_given_up_again(self, export: str, outcome: ProcessOutcome) -> bool:
        """Whether the tick that gave it up died before its cursor was saved: the next tick gives it up again."""
        if outcome.process.name.startswith("tick of") and (outcome.error or outcome.was_killed):
            self._half_given_up.add(export)
        known = any(export in (cursor or "") for cursor in self.system.cursors.values())
        return known and export in self._half_given_up

    def _is_over(self, export: str) -> bool:
        found = self.sandbox.exports._exports[export]
        over = found.status(self.sandbox.clock.now_us()) in ("Failed", "Expired") or found.owner == "gone"
        deadline = self.system.observed.added_at[export] + DEADLINE // timedelta(microseconds=1)
        over = over or self.sandbox.clock.now_us() > deadline - CLOCKS_APART // timedelta(microseconds=1)
        given_up = any(f"export {export}:" in reason for reason in self.system.reasons)
        # Its run found its partitions captured since it was added, or failed and is not retryable.
        redundant = any(
            run.tags.get(EXPORT_TAG) == export
            and state_of(self.system.instance, run) in (RunState.SUCCEEDED, RunState.FAILED_FOR_GOOD)  # type: ignore[arg-type]
            for run in self.system.instance.runs
        )
        return over or given_up or redundant or export in self.system.observed.omitted

    def _check_green(self, table: Table, key: str, who: str) -> None:
        """A partition reported green holds every version that was visible when its window settled and still stands."""
        scope, window_key = self.system.keys.split(key)
        name = layout.changes_file(table.name, scope, window_key)
        if name not in self.rows:
            self.wrong.append(f"{who} reported {table.name} {key} green, and there is no file")
            return
        window = from_key(window_key, Grain.DAILY)
        now, settled = self.sandbox.clock.now_us(), to_micros(settles(window, table))
        wanted = self.history.shown_from(table, scope, window, now, settled)
        if missing := [one.tag for one in wanted if one.key not in self.rows[name]]:
            self.wrong.append(f"{who} reported {table.name} {key} green without {missing[:5]}")

    def _check_late_rows(self, table: Table, key: str) -> None:
        """Rows that became visible late, but before the windows of the look-back had settled, are there.

        Where a sensor held a window back, later exports did not reach over it. Rows that became visible later still are
        beyond what the look-back promises; they are counted.
        """
        scope, window_key = self.system.keys.split(key)
        window, there = from_key(window_key, Grain.DAILY), self.system.instance.get_materialized_partitions
        after = [window]
        while len(after) <= self._windows_back(table):
            following = window_at(after[-1].end, Grain.DAILY)
            if self.system.keys.join(scope, to_key(following, Grain.DAILY)) not in there(
                PLAIN.changes(table)
            ):
                break
            after.append(following)
        rows = self.rows.get(layout.changes_file(table.name, scope, window_key), {})
        now = self.sandbox.clock.now_us()
        first, last = (to_micros(settles(one, table)) for one in (window, after[-1]))
        known = {one.key for one in self.history.shown_from(table, scope, window, now, first)}
        promised = self.history.shown_from(table, scope, window, now, last)
        late = [one for one in promised if one.key not in known]
        for _ in late:
            self.system.faults.count("row visible late")
        missing = [one.tag for one in late if one.key not in rows]
        if missing and not self.system.has_held_back(table):
            self.wrong.append(f"{table.name} {key} lacks {missing[:5]}, visible late, within the look back")
        held = {one.key for one in promised}
        for one in self.history.shown_from(table, scope, window, now, now):
            if one.key not in held:
                result = "came all the same" if one.key in rows else "did not come"
                self.system.faults.count(f"row visible beyond the look back, {result} (no fault)")

    def _windows_back(self, table: Table) -> int:
        back = lookback_of(table)
        return max(back.windows, back.length // timedelta(days=1))

    def missing_partitions(self) -> dict[str, list[str]]:
        """The keys of settled windows that are not green yet, by the group's first table."""
        now = self.sandbox.clock.now() - timedelta(minutes=15)  # within the clocks' skew either may be right
        missing: dict[str, list[str]] = {}
        for group in self.system.groups:
            for table in group:
                there = self.system.instance.get_materialized_partitions(PLAIN.changes(table))
                keys = [
                    join_key(scope, to_key(window, Grain.DAILY))
                    for window in settled_windows(START, now, Grain.DAILY, by_day=table.by_day)
                    for scope in self.system.instance.get_dynamic_partitions("enterprises")
                ]
                if absent := [key for key in keys if key not in there]:
                    missing.setdefault(group[0].name, []).extend(absent)
        return missing

    def at_the_end(self) -> None:
        """What must hold at the end, without faults, when nothing is due any more."""
        for name, keys in self.missing_partitions().items():
            self.wrong.append(f"{name}: {keys} never came, within the recovery time")
        for table in self.tables:
            for key in sorted(self.system.instance.get_materialized_partitions(PLAIN.changes(table))):
                self._check_green(table, key, "the end:")
                self._check_late_rows(table, key)
            shown = {one.key for one in self._all_shown(table)}
            for name, rows in self.rows.items():
                if name.startswith(f"{layout.changes_folder(table.name)}/") and (more := rows.keys() - shown):
                    self.wrong.append(f"{name}: holds {self._named(table, more)}, which no answer held")
            if pending := capture_states.pending(self.lake, table.name):
                self.wrong.append(f"{table.name}: {len(pending)} captures were never merged")
        for manifest in self._landed.values():
            self._check_capture(manifest)
        for table in self.tables:
            self.wrong += wrong_texts(self, table)
        self._check_sql()

    def _check_sql(self) -> None:
        """The SQL views show the rows of the files, with scope and window of their folders."""
        for table in self.tables:
            version, tag = snake_case(table.version_column), snake_case(TAGS[table.entity])
            text = f'SELECT scope, "window", id, epoch_us({version}::TIMESTAMPTZ), {tag} FROM changes.{table.name}'
            try:
                with query(self.lake, text) as result:
                    shown = sorted(result.fetchall(), key=repr)
            except LakeError as error:
                self.wrong.append(f"{table.name}: SQL cannot read it: {error}")
                continue
            start = f"{layout.changes_folder(table.name)}/"
            files = {name: rows for name, rows in self.rows.items() if name.startswith(start)}
            stand = sorted(
                (
                    (*layout.partition_of(name), one, stamp, text)
                    for name, rows in files.items()
                    for (one, stamp), text in rows.items()
                ),
                key=repr,
            )
            if shown != stand:
                other = sorted(set(shown) ^ set(stand), key=repr)[:3]
                self.wrong.append(
                    f"{table.name}: SQL shows {len(shown)} rows where {len(stand)} stand: {other}"
                )

    def _check_capture(self, manifest: Manifest) -> None:
        """Every version of a capture stands in its partition, or in the edge rows for the next one."""
        export = manifest.source.get("export_id")
        if self.lake.exists(layout.rejected_file(manifest.table, manifest.capture)):
            if export not in self.system.observed.corrupted:
                self.wrong.append(f"{manifest.table}: capture {manifest.capture} was rejected without reason")
            return
        table = table_of(manifest.table)
        start, end = to_micros(manifest.window.start), to_micros(manifest.window.end)
        for one, at in self._brought(manifest, table):
            if one.scope not in manifest.scopes or not start <= at <= end:
                continue
            key = to_key(window_of(at), Grain.DAILY)
            name = layout.changes_file(table.name, one.scope, key)
            if name in self.rows:
                if one.key not in self.rows[name]:
                    self.wrong.append(f"{name}: lacks {one.tag}, which capture {manifest.capture} brought")
            elif at < end:
                self.wrong.append(f"{name} does not stand, though capture {manifest.capture} covers it")
            else:
                beside = layout.boundary_file(table.name, one.scope, key, manifest.capture)
                if not self.lake.exists(beside):
                    self.wrong.append(f"{beside} does not stand, for {one.tag} at the capture's end")
        if export and export not in self.system.observed.corrupted:
            self._compare_bytes(manifest, export)

    def _brought(self, manifest: Manifest, table: Table) -> Iterator[tuple[ShownVersion, int]]:
        """What the sandbox sent for a capture: each version with the instant that gives its window."""
        if export := manifest.source.get("export_id"):
            for one in self._of_export(export):
                yield one, one.window_us
            return
        asked, whole = filter(None, manifest.source["request_ids"]), self.system.observed.pages
        if unread := [one for one in asked if one not in whole]:
            self.wrong.append(
                f"{table.name}: capture {manifest.capture} rests on unreadable answers {unread}"
            )
        answers = [whole[one] for one in manifest.source["request_ids"] if one in whole]
        bills: dict[str, int] = {}
        for answer in answers:
            for record in answer.get("OutletBills", ()):
                stamp = read_micros(record["UpdatedUtc"])
                bills[record["Id"]] = max(stamp, bills.get(record["Id"], stamp))
        for answer in answers:
            for one in self._of_answer(answer, table):
                yield one, bills[one.bill] if table.parent_key else one.window_us

    def _of_answer(self, answer: dict[str, Any], table: Table) -> list[ShownVersion]:
        assert isinstance(table.fetch, Pages)
        return [
            self.history.by_key[table.entity][record["Id"], read_micros(record["UpdatedUtc"])]
            for record in answer.get(table.fetch.records_key, ())
        ]

    def _of_export(self, export: str) -> list[ShownVersion]:
        if export not in self._shown:
            made = self.sandbox.exports._exports[export]
            known = self.history.by_key.get(made.order.entity, {})
            stamp = "CreatedUtc" if made.order.entity == "LedgerEntry" else "UpdatedUtc"
            records = map(json.loads, self.sandbox.store.records(made.question))
            self._shown[export] = [known[record["Id"], read_micros(record[stamp])] for record in records]
        return self._shown[export]

    def _all_shown(self, table: Table) -> Iterator[ShownVersion]:
        for export in sorted(self.system.observed.downloaded):
            if self.sandbox.exports._exports[export].order.entity == table.entity:
                yield from self._of_export(export)
        if isinstance(table.fetch, Pages):
            for answer in self.system.observed.pages.values():
                yield from self._of_answer(answer, table)

    def _compare_bytes(self, manifest: Manifest, export: str) -> None:
        folder = Path(self.lake.path(layout.capture_folder(manifest.table, manifest.capture)))
        unpack = zstandard.ZstdDecompressor().decompressobj
        landed = [unpack().decompress((folder / file.name).read_bytes()) for file in manifest.files]
        sent = self.sandbox.exports._exports[export]
        if landed != [path.read_bytes() for path in sent.paths]:
            self.wrong.append(f"capture {manifest.capture}: other bytes landed than export {export} has")


def _is_excused(export: str, process: Process) -> bool:
    """Whether the process was killed, or its disk failed, between Mews' answer and the write of the id."""
    at = process.export_known_at[export]
    died = not process.is_alive and process.checkpoints - at <= 2
    return died or at + 1 in process.disk_failed_at
