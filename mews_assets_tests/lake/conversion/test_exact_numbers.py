"""Long numbers find the rows they belong to, however many there are and however rows come in batches."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.lake.conversion import check_file
from mews_assets.lake.conversion import exact_numbers as exact_module
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.conversion.exact_numbers import ExactNumbers
from mews_assets_tests.lake.made import LEDGER, ORDER_ITEMS, OWN, at, entry, item, json_line, write_file

LONG = "12345678901234567.89"
SCHEMA = pa.schema(
    [
        ("value", pa.decimal128(38, 18)),
        ("_exact_numbers", pa.map_(pa.string(), pa.string())),
        ("n", pa.int64()),
    ]
)


@pytest.fixture
def few_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_module, "_ENTRIES_HELD", 3)


def batches(sizes: list[int]) -> list[pa.RecordBatch]:
    first, made = 0, []
    for size in sizes:
        numbers = range(first, first + size)
        columns = [pa.array([Decimal(n) for n in numbers], SCHEMA.field(0).type), pa.nulls(size, SCHEMA.field(1).type),
                   pa.array(numbers, pa.int64())]  # fmt: skip
        made.append(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
        first += size
    return made


@settings(max_examples=200, derandomize=True, database=None)
@given(sizes=st.lists(st.integers(0, 7), max_size=6), chosen=st.sets(st.integers(0, 41)))
def test_every_row_gets_its_own_numbers_and_no_other_row_any(tmp_path_factory, sizes, chosen):
    rows = sorted(row for row in chosen if row < sum(sizes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_module, "_ENTRIES_HELD", 3)
        with ExactNumbers(tmp_path_factory.mktemp("exact") / "numbers") as exact:
            for row in rows:
                exact.add(row, {"Value": f"{row}.5"} if row % 2 else {"Other": f"{row}"})
            found = [row for batch in exact.restore(batches(sizes), LEDGER) for row in batch.to_pylist()]
    assert exact.rows == len(rows)
    assert [row["n"] for row in found] == list(range(sum(sizes)))
    for row in found:
        n = row["n"]
        pairs: Any = None
        if n in chosen:
            pairs = [("Value", f"{n}.5")] if n % 2 else [("Other", f"{n}")]
        assert row["_exact_numbers"] == pairs
        assert row["value"] == (Decimal(f"{n}.5") if n in chosen and n % 2 else Decimal(n))


def converted(tmp_path: Path, contents: list[bytes], table: Any = ORDER_ITEMS) -> list[dict[str, Any]]:
    sources = [write_file(tmp_path / f"{number}.jsonl", content) for number, content in enumerate(contents)]
    convert(table, sources, tmp_path / "rows.parquet", own=OWN, threads=2)
    rows: list[dict[str, Any]] = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    return rows


def amount(name: str, number: str) -> bytes:
    return json_line(item(name, at(2), UnitAmount={"NetValue": 12321})).replace(b"12321", number.encode())


def test_numbers_stand_in_their_rows_through_files_blocks_and_blank_lines(tmp_path, few_held, monkeypatch):
    monkeypatch.setattr(check_file, "BLOCK_BYTES", 1 << 12)
    contents, expected = [], []
    for file in range(3):
        content = b"\n"
        for number in range(200):
            is_long = number % 7 == file
            content += amount(
                f"{file}-{number}", f"0.{number + 1:03}456789012345678901" if is_long else "1.5"
            )
            expected.append(f"0.{number + 1:03}456789012345678901" if is_long else None)
            content += b" \n" * (number % 3 == 0)
        contents.append(content)
    rows = converted(tmp_path, contents)
    assert [row["id"] for row in rows] == [f"{file}-{number}" for file in range(3) for number in range(200)]
    for row, number in zip(rows, expected, strict=True):
        assert row["_exact_numbers"] == ([("UnitAmount.NetValue", number)] if number else None)


def test_each_of_two_lines_of_one_version_keeps_the_digits_it_came_with(tmp_path):
    rows = converted(tmp_path, [amount("a", LONG) + amount("a", "1.5") + amount("a", f"9{LONG}")])
    assert [row["_exact_numbers"] for row in rows] == [
        [("UnitAmount.NetValue", LONG)],
        None,
        [("UnitAmount.NetValue", f"9{LONG}")],
    ]


def test_a_new_field_and_a_long_number_in_every_line_are_both_told(tmp_path):
    line = amount("a", LONG).replace(b'"Id"', b'"New":12345678901234567890,"Id"')
    source = write_file(tmp_path / "x.jsonl", line * 500)
    done = convert(ORDER_ITEMS, [source], tmp_path / "rows.parquet", own=OWN, threads=1)
    assert done.findings.unknown["New"].count == 500
    assert done.findings.exact == 500
    rows = pq.read_table(tmp_path / "rows.parquet").to_pylist()
    assert {tuple(row["_exact_numbers"]) for row in rows} == {(("UnitAmount.NetValue", LONG),)}


def test_money_of_the_ledger_is_exact_in_many_rows(tmp_path, few_held):
    records = [json_line(entry(f"{n}", "2026-03-02", Value=12321)).replace(b"12321", f"{n}{LONG[1:]}".encode())
               for n in range(1, 10)]  # fmt: skip
    rows = converted(tmp_path, [b"".join(records)], LEDGER)
    assert [row["value"] for row in rows] == [Decimal(f"{n}{LONG[1:]}") for n in range(1, 10)]


def test_numbers_are_put_in_again_when_a_conversion_starts_anew(tmp_path, few_held):
    """Some parsers (DuckDB 1) give a long line up, and are asked again with longer buffers."""
    with ExactNumbers(tmp_path / "numbers") as exact:
        for row in range(10):
            exact.add(row, {"Other": f"{row}"})
        assert next(exact.restore(batches([2, 8]), LEDGER)).num_rows == 2
        found = [row for batch in exact.restore(batches([10]), LEDGER) for row in batch.to_pylist()]
    assert [row["_exact_numbers"] for row in found] == [[("Other", f"{row}")] for row in range(10)]
