"""An object store in memory, as pyarrow sees one: flat keys, a file is there once it is closed, not before."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs


class Bucket(pafs.FileSystemHandler):  # type: ignore[misc]
    """Folders exist only as the beginnings of keys."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []

    def get_type_name(self) -> str:
        return "bucket"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[pafs.FileInfo]:
        return [self._info(path) for path in paths]

    def _info(self, path: str) -> pafs.FileInfo:
        if path in self.objects:
            written = len(self.puts) - self.puts[::-1].index(path) if path in self.puts else 0
            return pafs.FileInfo(
                path, pafs.FileType.File, size=len(self.objects[path]), mtime_ns=written * 10**9
            )
        is_folder = any(key.startswith(f"{path}/") for key in self.objects)
        return pafs.FileInfo(path, pafs.FileType.Directory if is_folder else pafs.FileType.NotFound)

    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        start = selector.base_dir.rstrip("/") + "/"
        found: dict[str, None] = {}
        for key in self.objects:
            if not key.startswith(start):
                continue
            steps = key.removeprefix(start).split("/")
            for depth in range(1, len(steps) + 1 if selector.recursive else 2):
                found[start + "/".join(steps[:depth])] = None
        if not found and not selector.allow_not_found:
            raise FileNotFoundError(selector.base_dir)
        return [self._info(path) for path in found]

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def open_input_file(self, path: str) -> Any:
        if path not in self.objects:
            raise FileNotFoundError(path)
        return pa.PythonFile(io.BytesIO(self.objects[path]), mode="r")

    def open_output_stream(self, path: str, metadata: dict[str, str]) -> Any:
        return pa.PythonFile(_Upload(self, path), mode="w")

    def delete_file(self, path: str) -> None:
        if path not in self.objects:
            raise FileNotFoundError(path)
        del self.objects[path]

    def _refuse(self, *arguments: Any) -> Any:
        raise NotImplementedError(f"no object store offers this: {arguments}")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    move = copy_file = open_append_stream = _refuse


class _Upload(io.BytesIO):
    """One PUT: the object is there when it is closed."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        super().__init__()
        self._bucket, self._path = bucket, path

    def close(self) -> None:
        if not self.closed:
            self._bucket.objects[self._path] = self.getvalue()
            self._bucket.puts.append(self._path)
        super().close()
