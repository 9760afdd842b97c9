"""Rules of the lake, broken on purpose: how rows are assigned, merged and put in place.

Lives here: one function per broken rule, which patches it for as long as its context lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mews_assets.lake.changes import assign_partitions, merge, merge_pass, partition_writer
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.manifests import LandedFile, Manifest, write_manifest
from mews_assets.lake.reading import sql_views as sql
from mews_assets.lake.storage import duckdb_paths
from mews_assets.lake.storage import duckdb_session as engine
from mews_assets.lake.storage import lake as store
from mews_assets.windows import Window
from mews_assets_tests.chaos import process
from mews_assets_tests.chaos.mutant_registry import mutant, patched


@mutant
def windows_are_closed_at_both_ends() -> Iterator[None]:
    """A row stamped exactly at a capture's end is assigned to the window before it."""
    real = assign_partitions._stamp

    def stamp(table: Any, capture: Any) -> tuple[str, str]:
        found, join = real(table, capture)
        end = assign_partitions._instant(capture.manifest.window.end)
        return f"(CASE WHEN {found} = {end} THEN {found} - INTERVAL 1 MICROSECOND ELSE {found} END)", join

    with patched((assign_partitions, "_stamp", stamp)):
        yield


@mutant
def rows_at_the_end_are_dropped() -> Iterator[None]:
    """A row stamped at a capture's end belongs to the next window, and is stored nowhere for it."""
    with patched((assign_partitions, "partitions_after", lambda manifest, grain: set())):
        yield


@mutant
def rebuilds_read_only_the_captures_that_cover() -> Iterator[None]:
    """A lost partition is rebuilt without the row that the capture of the window before it holds."""

    def reaches(self: Manifest, window: Window) -> bool:
        return self.window.covers(window)

    with patched((Manifest, "reaches", reaches)):
        yield


@mutant
def what_brought_nothing_new_is_written_again() -> Iterator[None]:
    """A window that was captured again gets a new file each time, and all tables made from it are made again."""
    with patched((merge_pass, "holds_the_same", lambda *files, **options: False)):
        yield


@mutant
def files_are_written_in_place() -> Iterator[None]:
    """Files are written without a temporary name: when the process dies, a reader sees half a file."""

    def written(lake: process.ChaosLake, name: str, content: bytes, over: str | None) -> None:
        target = Path(lake.root) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            lake.process.checkpoint(f"amid {name}")
            file.write(content[len(content) // 2 :])

    def put(lake: process.ChaosLake, local: Path, name: str, *, over: str | None = None) -> str:
        written(lake, name, Path(local).read_bytes(), over)
        return lake.fingerprints(str(Path(name).parent))[name]

    with patched((process.ChaosLake, "_write", written), (process.ChaosLake, "put", put)):
        yield


@mutant
def captures_replace_what_was_there() -> Iterator[None]:
    """A partition holds the rows of its newest captures, not the union of all captures."""
    with patched(
        (merge_pass.MergePass, "_existing_files", lambda self: set()),
        (merge_pass.MergePass, "_replaced_version", lambda self, partition: None),
    ):
        yield


@mutant
def captures_are_settled_before_their_rows_are_in_place() -> Iterator[None]:
    """Captures are marked as merged too early: when the process dies in between, nobody merges their rows."""
    real = merge.convert_captures

    def stage(lake: Any, *arguments: Any) -> Any:
        staged = real(lake, *arguments)
        for one in staged:
            capture_states.mark_merged(lake, one.manifest)
        return staged

    with patched((merge, "convert_captures", stage)):
        yield


@mutant
def manifests_come_before_their_files() -> Iterator[None]:
    """A reader sees a capture whose files are not there."""
    real = capture_store.land

    def land(lake: Any, manifest: Any, sources: Any, workspace: Any) -> Any:
        files = tuple(
            LandedFile(f"part-{number:05}.jsonl.zst", 1, 1, "", 1) for number, _ in enumerate(sources, 1)
        )
        write_manifest(lake, replace(manifest, files=files))
        return real(lake, manifest, sources, workspace)

    with patched((capture_store, "land", land)):
        yield


@mutant
def captures_are_not_marked_pending() -> Iterator[None]:
    """When a process dies between landing and merging, nobody merges its rows."""
    real = store.Lake.write_json

    def write(self: Any, name: str, value: dict[str, Any], **more: Any) -> None:
        if not name.startswith("state/pending/"):
            real(self, name, value, **more)

    with patched((store.Lake, "write_json", write)):
        yield


@mutant
def ties_are_not_in_the_order_of_ids() -> Iterator[None]:
    """Rows with the same instant are sorted by descending id."""
    with _sorted_otherwise("id"):
        yield


@mutant
def versions_of_one_id_are_one_row() -> Iterator[None]:
    """A partition holds one version of each record."""
    real = partition_writer.PartitionWriter._chosen_rows

    def one_of_each(self: Any, batches: Any) -> Iterator[Any]:
        seen: set[Any] = set()
        for batch in real(self, batches):
            keep = np.zeros(batch.num_rows, bool)
            for at, (place, one) in enumerate(
                zip(
                    batch.column(assign_partitions.PARTITION_NUMBER).to_pylist(),
                    batch.column("id").to_pylist(),
                    strict=True,
                )
            ):
                keep[at] = (place, one) not in seen
                seen.add((place, one))
            yield batch.filter(pa.array(keep))

    with patched((partition_writer.PartitionWriter, "_chosen_rows", one_of_each)):
        yield


@mutant
def the_content_captured_first_stands() -> Iterator[None]:
    """Of a version that was captured with two contents the first stays for ever."""
    with _sorted_otherwise("_captured_at_utc", "_landing_id", assign_partitions.LINE):
        yield


@mutant
def merges_do_not_wait_for_each_other() -> Iterator[None]:
    """Two runs at once read, merge and write the same partition: there is no lock, and each replaces any version."""
    real = process.ChaosLake.put

    @contextmanager
    def unlocked(self: Any, name: str) -> Iterator[Any]:
        yield lambda: None

    def put(self: Any, local: Path, name: str, *, over: str | None = None) -> str:
        return real(self, local, name)

    with patched((store.Lake, "lock", unlocked), (process.ChaosLake, "put", put)):
        yield


@mutant
def names_are_patterns() -> Iterator[None]:
    """DuckDB gets a path unescaped, and reads every file that it matches as a pattern."""
    plain = lambda folder: nullcontext(folder)  # noqa: E731
    with patched((duckdb_paths, "_file", engine.literal), (sql, "plain_name", plain)):
        yield


@mutant
def folders_above_the_lake_are_columns() -> Iterator[None]:
    """DuckDB makes a column of each folder `name=value` above a file."""
    real = duckdb_paths._read_parquet

    def read(files: str, schema: Any, options: list[str]) -> str:
        sql_text = real(files, None, [*options, "union_by_name = true"])
        return sql_text.replace("hive_partitioning = false", "hive_partitioning = true")

    with patched((duckdb_paths, "_read_parquet", read)):
        yield


@mutant
def columns_are_those_of_the_first_file() -> Iterator[None]:
    """A view assumes that all files of a table have the same columns."""
    real = duckdb_paths._read_parquet
    with patched((duckdb_paths, "_read_parquet", lambda files, schema, options: real(files, None, options))):
        yield


def _sorted_otherwise(*descending: str) -> ExitStack:
    """Rows of partitions are sorted with these columns in descending order."""
    real = partition_writer.sorted_batches

    def in_order(rows: Any, order: Any, space: Any) -> Any:
        changed = tuple(
            (name, "descending" if name in descending else direction) for name, direction in order
        )
        assert changed != order, f"rows are not sorted by {descending} any more: mend this mutant"
        return real(rows, changed, space)

    return patched((partition_writer, "sorted_batches", in_order))
