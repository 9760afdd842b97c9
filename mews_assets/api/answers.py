"""Answers: what Mews sent, with every record's exact bytes.

Lives here: `Answer`, reading its parts, and the errors for what cannot be read. Unreadable is never empty.
Not here: sending (`client`), asking for the next page (`pages`), what a record means (the lake).

Records are never decoded and encoded again: money keeps the digits Mews sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mews_assets.api.errors import UnreadableError

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Answer:
    """One answer of status 2xx. `fields` is its top level, undecoded below; empty for a 204."""

    operation: str
    connection: str
    status: int
    request_id: str | None
    body: bytes = field(repr=False)
    fields: dict[str, msgspec.Raw] = field(repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether this is the 204 that `Prefer: return=minimal` asks for."""
        return self.status == 204

    def unreadable(self, what: str) -> UnreadableError:
        """The error for an answer that came with a good status but cannot be understood."""
        return UnreadableError(
            f"the answer cannot be read: {what}.",
            operation=self.operation,
            status=self.status,
            request_id=self.request_id,
            connection=self.connection,
        )

    def value(self, key: str) -> Any:
        """The decoded value under a key, for values that are not stored. Raises UnreadableError if there is none."""
        raw = bytes(self._raw(key))
        try:
            return json.loads(raw, object_pairs_hook=_refuse_repeats, parse_constant=_refuse_constant)
        except RecursionError:
            problem = "it is nested too deeply"
        except ValueError as error:  # a number of thousands of digits too
            problem = str(error)
        raise self.unreadable(f"{key}: {problem}")

    def records(self, key: str) -> list[bytes]:
        """The records under a key, each in the bytes Mews sent, on one line. Raises UnreadableError."""
        try:
            raws = _RECORDS.decode(self._raw(key))
        except (msgspec.DecodeError, RecursionError) as error:
            raise self.unreadable(f"{key} is no list ({error})") from None
        records = [one_line(bytes(raw)) for raw in raws]
        for at, record in enumerate(records):
            if not record.startswith(b"{"):
                raise self.unreadable(f"{key}[{at}] is no object")
        return records

    def record(self) -> bytes:
        """The answer itself, for operations that answer with one record."""
        return one_line(self.body)

    def _raw(self, key: str) -> msgspec.Raw:
        try:
            return self.fields[key]
        except KeyError:
            found = ", ".join(sorted(self.fields)[:10]) or "nothing"
            raise self.unreadable(f"it has no {key}, only {found}") from None


def read_fields(body: bytes) -> dict[str, msgspec.Raw]:
    """The top level of a JSON object. Raises ValueError with the reason.

    A repeated name is refused: of two lists of records the decoder would silently keep the last.
    """
    try:
        body.decode()  # the decoder skips texts that it does not build, unchecked
        fields = _FIELDS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON object ({error}; {len(body)} bytes)") from None
    if repeated := _repeated_name(body, fields):
        raise ValueError(f"it has {repeated!r} twice")
    return fields


_NAME = re.compile(rb'[\s{,]*"((?:[^"\\]|\\.)*)"\s*:\s*')


def _repeated_name(body: bytes, fields: Mapping[str, msgspec.Raw]) -> str:
    """The first repeated name at the top level of an object, found by jumping from value to value."""
    view, at = memoryview(body), 0
    seen: set[str] = set()
    while found := _NAME.match(body, at):
        name = msgspec.json.decode(b'"' + found[1] + b'"', type=str)
        value = memoryview(fields[name])
        at = found.end() + len(value)
        if name in seen or view[found.end() : at] != value:
            return name
        seen.add(name)
    return ""


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a name twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def one_line(record: bytes) -> bytes:
    """The record on one line. JSON allows line breaks between tokens only, so nothing in a value changes."""
    if b"\n" in record or b"\r" in record:
        return record.replace(b"\r", b" ").replace(b"\n", b" ")
    return record
