"""One JSON line parsed into a record, and a record written as JSON again, with every number as it was written.

Lives here: pure functions between the bytes of a line and its parsed record. Not here: whether its fields fit a table
(`inspect_record`).

No error repeats a value: errors are logged, stored and sent, and a value may be a guest's.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

BOM = b"\xef\xbb\xbf"
"""The byte order mark, which .NET puts before a file in UTF-8. DuckDB does not read it."""


class FieldError(ValueError):
    """A field cannot become a column's value. The text does not repeat the value."""

    def __init__(self, path: str | None, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}" if path else problem)


class _Verbatim(str):
    """JSON that is written as it is."""

    __slots__ = ()


class Number(_Verbatim):
    """A number as it was written."""

    __slots__ = ()


def parse(line: bytes, names: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The record of a line, its numbers as text. Raises FieldError on anything but one JSON object.

    `names` are field names that an error may repeat: any other may be a guest's own text.
    """
    try:
        record = json.loads(
            line.removeprefix(BOM).decode(),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse_constant,
            object_pairs_hook=partial(_refuse_repeated_names, names),
        )
    except UnicodeDecodeError as error:
        raise FieldError(None, f"not UTF-8 at byte {error.start + 1} of the line") from None
    except json.JSONDecodeError as error:
        raise FieldError(None, f"malformed JSON at character {error.pos + 1}: {error.msg}") from None
    except RecursionError:  # Python's own limit, near 1,000
        raise FieldError(None, "nested too deeply to be read") from None
    if not isinstance(record, dict):
        raise FieldError(None, f"{with_article(kind_of(record))} where one JSON object must stand")
    if b"\\u" in line:
        _refuse_lone_surrogates(record)
    return record


def to_json(value: Any) -> str:
    """A parsed value of any depth as JSON, without spaces, as Mews writes it. Numbers keep all their digits."""
    parts: list[str] = []
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, _Verbatim):
            parts.append(item)
        elif isinstance(item, dict):
            pieces: list[Any] = []
            for name, inner in item.items():
                pieces += [
                    _Verbatim(f"{',' if pieces else ''}{json.dumps(name, ensure_ascii=False)}:"),
                    inner,
                ]
            stack += [_Verbatim("}"), *reversed(pieces), _Verbatim("{")]
        elif isinstance(item, list):
            pieces = []
            for inner in item:
                pieces += [_Verbatim(","), inner] if pieces else [inner]
            stack += [_Verbatim("]"), *reversed(pieces), _Verbatim("[")]
        else:
            parts.append(json.dumps(item, ensure_ascii=False))
    return "".join(parts)


def is_blank(line: bytes) -> bool:
    """Whether a line holds no record. A file of nothing but a byte order mark has one such line."""
    return not line.removeprefix(BOM).strip(b" \t\r\n")


def is_number(value: Any) -> bool:
    """Whether a parsed value is a number: its text."""
    return isinstance(value, Number)


def kind_of(value: Any) -> str:
    """The type of a parsed value, as JSON names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, Number):
        return "number"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, list) else "object"


def with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _refuse_lone_surrogates(record: dict[str, Any]) -> None:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise FieldError(
            None, "half of a surrogate pair (\\ud800 to \\udfff), which is no character"
        ) from None


def _refuse_constant(name: str) -> None:
    raise FieldError(None, f"{name} is no JSON number")


def _refuse_repeated_names(known: frozenset[str], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise FieldError(repeated if repeated in known else None, "a name occurs twice in one object")
    return record
