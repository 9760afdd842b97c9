"""Files of a lake in a bucket: Amazon S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.

Lives here: reading, listing, and putting objects in place by `obstore`, one request each where one suffices. Not here:
where a file belongs (`layout`).

A version is the object's ETag, in Google Cloud Storage with its generation, which is what a replacement names there. A
replacement sends it along (If-Match; If-None-Match for an object that is not there), and the store refuses where
another stands. A read is one GET, or ranges of one ETag: never of two versions.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import obstore
import pyarrow as pa
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import from_url

from mews_assets.lake.errors import LakeError, LostRaceError
from mews_assets.lake.storage.store import ABSENT, Content, Pinned

_TIMEOUTS = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(minutes=30)}
"""Of a whole request, its body too: a file of some gigabytes over a slow line."""
_RETRIES = {"max_retries": 8, "retry_timeout": timedelta(minutes=3)}
_BRIEF_TIMEOUTS = {"connect_timeout": timedelta(seconds=3), "timeout": timedelta(seconds=5)}
_BRIEF_RETRIES = {"max_retries": 0, "retry_timeout": timedelta(seconds=5)}
"""For small files whose reader tries again soon anyway."""
_TAIL_BYTES = 256 << 10
"""Read first of a file that is looked into: the footer of every Parquet file, and all of most partitions."""
_CHUNK_BYTES = 8 << 20
_SIDE_BY_SIDE = 16
_ENDPOINTS = {
    "s3": ("endpoint", ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")),
    "gs": ("base_url", ()),
    "abfs": ("endpoint", ("AZURE_STORAGE_ENDPOINT",)),
    "abfss": ("endpoint", ("AZURE_STORAGE_ENDPOINT",)),
}
"""By scheme, what the client calls the server's address, and the variables that hold one."""


@dataclass(frozen=True)
class ObjectStore:
    """The objects below a prefix of a bucket. `base` is the bucket's URI."""

    client: Any = field(repr=False, compare=False)
    base: str
    prefix: str

    @property
    def root(self) -> str:
        return f"{self.base.partition('://')[2]}/{self.prefix}".rstrip("/")

    def uri(self, name: str) -> str:
        return f"{self.base}/{self._key(name)}"

    def exists(self, name: str) -> bool:
        return self.version(name) != ABSENT

    def version(self, name: str) -> str:
        try:
            with self._errors(name):
                return _version(obstore.head(self.client, self._key(name)))
        except FileNotFoundError:
            return ABSENT

    def existing(self, names: Sequence[str]) -> set[str]:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
            return {
                name for name, found in zip(names, side_by_side.map(self.exists, names), strict=True) if found
            }

    def read(self, name: str) -> Content:
        with self._errors(name):
            found = obstore.get(self.client, self._key(name))
            return Content(bytes(found.bytes()), _version(found.meta))

    def write(self, name: str, content: bytes, over: str | None) -> str:
        """A write whose answer was lost may be refused when it is sent again: what stands then is ours."""
        try:
            return self._put(name, content, over)
        except LostRaceError:
            standing = self._standing(name)
            if standing is None or standing.data != content:
                raise
            return standing.version

    def put(self, local: Path, name: str, over: str | None) -> str:
        with local.open("rb") as source:
            # Mapped, not read: the memory of a large file is the disk's cache. It is unmapped when the client lets go.
            size = os.fstat(source.fileno()).st_size
            content = mmap.mmap(source.fileno(), size, access=mmap.ACCESS_READ) if size else b""
        return _e_tag(self._put(name, content, over))

    def pin(self, name: str, folder: Path) -> Pinned:
        target = folder / name.rsplit("/", 1)[-1]
        with self._errors(name), target.open("wb") as local:
            found = obstore.get(self.client, self._key(name))
            for piece in found.stream(min_chunk_size=_CHUNK_BYTES):
                local.write(piece)
            return Pinned(target, _version(found.meta))

    def open_input_file(self, name: str) -> pa.NativeFile:
        with self._errors(name):
            return pa.PythonFile(_PinnedReader(self, name), mode="r")

    def fingerprints(self, folder: str) -> dict[str, str]:
        return {self._name(one): _e_tag(_version(one)) for one in self._objects(folder)}

    def files(self, folder: str, recursive: bool) -> list[str]:
        if recursive:
            return sorted(self._name(one) for one in self._objects(folder))
        return sorted(self._name(one) for one in self._level(folder)["objects"] if not _is_marker(one))

    def folders(self, folder: str) -> list[str]:
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in self._level(folder)["common_prefixes"])

    def delete(self, name: str) -> None:
        try:
            with self._errors(name):
                obstore.delete(self.client, self._key(name))
        except FileNotFoundError:
            return

    def tail(self, name: str, size: int) -> tuple[bytes, Mapping[str, Any]]:
        """The last bytes of an object, and what the store says about it."""
        key = self._key(name)
        try:
            found = obstore.get(self.client, key, options={"range": {"suffix": size}})
        except NotSupportedError:  # Azure has no such ranges
            meta = obstore.head(self.client, key)
            start = max(0, meta["size"] - size)
            found = obstore.get(
                self.client, key, options={"range": (start, meta["size"]), "if_match": _e_tag(_version(meta))}
            )
        return bytes(found.bytes()), found.meta

    def range(self, name: str, start: int, end: int, version: str) -> bytes:
        """Bytes of one version of an object. Raises LostRaceError where another stands."""
        options: Any = {"range": (start, end), "if_match": _e_tag(version)}
        with self._errors(name):
            return bytes(obstore.get(self.client, self._key(name), options=options).bytes())

    def _put(self, name: str, content: Any, over: str | None) -> str:
        mode: Any = "overwrite" if over is None else "create" if over == ABSENT else _names_of(over)
        with self._errors(name):
            found = obstore.put(self.client, self._key(name), content, mode=mode, use_multipart=False)
            return _version(found)

    def _standing(self, name: str) -> Content | None:
        try:
            return self.read(name)
        except FileNotFoundError:
            return None

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self.prefix, name) if part)

    def _name(self, about: Mapping[str, Any]) -> str:
        return str(about["path"])[len(self.prefix) + 1 if self.prefix else 0 :]

    def _objects(self, folder: str) -> Iterator[Mapping[str, Any]]:
        with self._errors(folder):
            for page in obstore.list(self.client, self._key(folder) or None, chunk_size=1000):
                yield from (about for about in page if not _is_marker(about))

    def _level(self, folder: str) -> Any:
        with self._errors(folder):
            return obstore.list_with_delimiter(self.client, self._key(folder) or None)

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """The client's errors as those of a disk, so that whoever reads and writes knows one kind."""
        try:
            yield
        except NotFoundError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.uri(name)) from None
        except (AlreadyExistsError, PreconditionError):
            raise LostRaceError(self.uri(name)) from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise PermissionError(errno.EACCES, _cause(error), self.uri(name)) from None
        except BaseError as error:
            raise OSError(errno.EIO, _cause(error), self.uri(name)) from None


class _PinnedReader(io.RawIOBase):
    """One version of an object, read by ranges. Raises LostRaceError where it was replaced meanwhile."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store, self._object = store, name
        self._tail, meta = store.tail(name, _TAIL_BYTES)
        self._size, self._version = int(meta["size"]), _version(meta)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._position + size)
        start, self._position = self._position, max(self._position, end)
        if start >= end:
            return b""
        tail_starts = self._size - len(self._tail)
        if start >= tail_starts:
            return self._tail[start - tail_starts : end - tail_starts]
        return self._store.range(self._object, start, end, self._version)


def open_object_store(location: str, *, is_brief: bool = False) -> ObjectStore:
    """The objects below a URI such as `s3://bucket/lake`; `?endpoint_override=` names another server than the cloud's.

    Keys, region and endpoint come from the variables of the cloud's own tools. Raises LakeError where it leads nowhere.
    """
    parts = urlsplit(location)
    scheme = "gs" if parts.scheme == "gcs" else parts.scheme
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    base = f"{scheme}://{parts.netloc}"
    try:
        config = _config(scheme, options)
        connect: Any = from_url  # its types want each cloud's own settings
        client = connect(
            base,
            config=config,
            client_options=_client_options(config, is_brief),
            retry_config=_BRIEF_RETRIES if is_brief else _RETRIES,
        )
    except (BaseError, ValueError, TypeError) as error:
        raise LakeError(f"MEWS_LAKE is {location!r}, which leads nowhere: {_cause(error)}") from None
    return ObjectStore(client, base, unquote(parts.path).strip("/"))


def _config(scheme: str, options: Mapping[str, str]) -> dict[str, Any]:
    if (protocol := options.get("scheme", "https")) not in ("http", "https"):
        raise ValueError(f"scheme is {protocol!r}; accepted are http and https")
    name, variables = _ENDPOINTS.get(scheme, ("", ()))
    endpoints = (options.get("endpoint_override"), *(os.environ.get(one) for one in variables))
    endpoint = next((one for one in endpoints if one), "")
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    found: dict[str, Any] = {}
    if endpoint:
        found[name] = endpoint if "://" in endpoint else f"{protocol}://{endpoint}"
    if region and scheme == "s3":
        found["region"] = region
    return found


def _client_options(config: Mapping[str, Any], is_brief: bool) -> dict[str, Any]:
    timeouts: dict[str, Any] = _BRIEF_TIMEOUTS if is_brief else _TIMEOUTS
    is_plain = any(str(config.get(name, "")).startswith("http://") for name, _ in _ENDPOINTS.values())
    return {**timeouts, "allow_http": True} if is_plain else dict(timeouts)


def _version(about: Mapping[str, Any]) -> str:
    """The ETag, and the generation or version where the store answers with it; a listing has none. A store without
    ETags is refused, for nothing could be replaced safely there."""
    if not (found := about.get("e_tag")):
        raise LakeError("the object store names no ETag of its objects; a lake cannot be kept there")
    return f"{found} {about['version']}" if about.get("version") else str(found)


def _e_tag(version: str) -> str:
    return version.partition(" ")[0]


def _names_of(version: str) -> dict[str, str]:
    """A version as the client wants it: each store compares the name that it knows."""
    e_tag, _, generation = version.partition(" ")
    return {"e_tag": e_tag, **({"version": generation} if generation else {})}


def _is_marker(about: Mapping[str, Any]) -> bool:
    """An empty object that other tools put where they want a folder to be seen."""
    return not about["size"] and "." not in str(about["path"]).rsplit("/", 1)[-1]


def _cause(error: BaseException) -> str:
    """The first line: what follows is the server's answer or the client's own state, which may hold keys."""
    return str(error).strip().split("\n")[0].partition("<?xml")[0][:300]
