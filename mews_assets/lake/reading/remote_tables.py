"""Tables of a lake in an object store, as Arrow datasets that DuckDB reads without an extension.

Lives here: the dataset of a table's files. Only the columns and row groups that a query needs are fetched, by the
lake's own client. Not here: which tables there are, and their views (`sql_views`).

A file is read in one version: a query fails with LostRaceError's message where another run replaces a file while the
query reads it, and can be asked again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from mews_assets.lake.storage.lake import Lake


def remote_table(lake: Lake, files: Sequence[str], keys: Sequence[str], columns: pa.Schema) -> Any:
    """The rows of the files, in these columns and those that the folders `key=value` give; a column that a file lacks
    is null in its rows."""
    fields = [pa.field(key, pa.string()) for key in keys]
    return ds.FileSystemDataset.from_paths(
        list(files),
        schema=pa.schema([field.with_nullable(True) for field in (*columns, *fields)]),
        format=ds.ParquetFileFormat(),
        filesystem=pafs.PyFileSystem(_LakeFiles(lake)),
        partitions=[_values_of_folders(name, keys) for name in files],
    )


def _values_of_folders(name: str, keys: Sequence[str]) -> ds.Expression:
    values = [
        ds.field(key) == part.removeprefix(f"{key}=")
        for key in keys
        for part in name.split("/")
        if part.startswith(f"{key}=")
    ]
    return reduce(and_, values, ds.scalar(True))


class _LakeFiles(pafs.FileSystemHandler):  # type: ignore[misc]
    """The files of the lake as Arrow reads them. Nothing is written or listed through it."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def get_type_name(self) -> str:
        return "lake"

    def normalize_path(self, path: str) -> str:
        return path

    def open_input_file(self, path: str) -> pa.NativeFile:
        return self._lake.open_input_file(path)

    open_input_stream = open_input_file

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        return [pafs.FileInfo(path, pafs.FileType.File) for path in paths]

    def _refuse(self, *arguments: Any) -> Any:
        raise io.UnsupportedOperation(f"the lake is only read here: {arguments}")

    get_file_info_selector = create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = (
        _refuse
    )
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse
