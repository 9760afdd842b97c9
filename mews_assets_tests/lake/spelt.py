"""Lines spelt just so, for conversions, and what is left when one is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.errors import RecordError
from mews_assets_tests.lake.made import ORDER_ITEMS, OWN, at, item, json_line, write_file

GOOD = json_line(item("good", at(2)))


def with_text(field: str, text: str, record: dict[str, Any] | None = None) -> bytes:
    """A record with a value spelt just so."""
    record = item("odd", at(2)) if record is None else record
    return json_line({**record, field: 12321}).replace(b"12321", text.encode())


def unit_amount(text: str) -> bytes:
    return json_line(item("odd", at(2), UnitAmount={"Currency": "EUR", "NetValue": 12321})).replace(
        b"12321", text.encode()
    )


def refused(tmp_path: Path, content: bytes, table: Any = ORDER_ITEMS, name: str = "x.jsonl") -> RecordError:
    """The error; what stood at the target still stands, and nothing else is left."""
    source, target = write_file(tmp_path / name, content), tmp_path / "rows.parquet"
    target.write_bytes(b"earlier")
    with pytest.raises(RecordError) as caught:
        convert(table, [source], target, own=OWN, threads=1)
    assert target.read_bytes() == b"earlier"
    assert {path.name for path in tmp_path.iterdir()} == {name, "rows.parquet"}
    assert caught.value.file == str(source)
    assert name in str(caught.value)
    return caught.value
