"""Small JSON files of the lake's state: each the fields of one type, checked when it is read.

Lives here: reading and writing such a file. Not here: what the files say (the module of each type), and where they
are (`layout`). A file that cannot be read is a LakeError, never an empty value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.lake import Lake

State = TypeVar("State")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant with a time zone, as a field of a stored type."""


def read_state(lake: Lake, name: str, kind: type[State]) -> State:
    """The file as a value of its type, a dataclass or a msgspec struct; fields that the type does not know are ignored.

    Raises LakeError on a file that is not JSON or lacks a field, FileNotFoundError where there is none.
    """
    return read_state_version(lake, name, kind)[0]


def read_state_version(lake: Lake, name: str, kind: type[State]) -> tuple[State, str]:
    """The same with the version of the file."""
    content, version = lake.read_json_version(name)
    return _convert(lake, name, content, kind), version


def write_state(lake: Lake, name: str, value: object, *, over: str | None = None) -> None:
    """Put the file in place whole; on disk when this returns. `over` as in `Lake.put`."""
    lake.write_json(name, msgspec.to_builtins(value), over=over)


def change_state(
    lake: Lake, name: str, kind: type[State], change: Callable[[State | None], State | None]
) -> None:
    """Replace the file by what `change` makes of it, however many others do so at once; as `Lake.change_json`."""

    def changed(content: dict[str, Any] | None) -> dict[str, Any] | None:
        value = None if content is None else _convert(lake, name, content, kind)
        after = change(value)
        return None if after is None else msgspec.to_builtins(after)

    lake.change_json(name, changed)


def _convert(lake: Lake, name: str, content: dict[str, Any], kind: type[State]) -> State:
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise LakeError(f"{lake.uri(name)} cannot be read ({error}); restore it or move it away") from None


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC, to be stored. Raises ValueError on one without a time zone: it could not be read
    again."""
    if instant.utcoffset() is None:
        raise ValueError(f"an instant must have a time zone, got {instant!r}")
    return instant.astimezone(UTC)
