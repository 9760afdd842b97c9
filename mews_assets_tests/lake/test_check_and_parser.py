"""The check of lines against the parser: what the one accepts the other reads, and as it was meant."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mews_assets.catalog import TABLES
from mews_assets.catalog.model import Column, Kind, Table, snake_case
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.conversion.inspect_record import inspect
from mews_assets.lake.conversion.parse_record import FieldError
from mews_assets_tests.lake.made import LEDGER, ORDER_ITEMS, at, converted, item, json_line
from mews_assets_tests.lake.odd import Raw, leaves, odd_line, odd_values, values_for, with_value
from mews_assets_tests.lake.spelt import GOOD, refused, with_text

EVERY = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
MANY = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a line that fails is short enough
    suppress_health_check=list(HealthCheck),
)
LINES = 40


def _drawn(data: st.DataObject, table: Table) -> tuple[bytes, tuple[str, ...], Column]:
    """A line with one odd value, or also one in a field that nobody knows."""
    path, column = data.draw(st.sampled_from(list(leaves(table.columns))))
    record = with_value(table, path, data.draw(values_for(column)))
    if data.draw(st.integers(0, 4)) == 0:
        record[data.draw(st.sampled_from(["New", "id", "notes", "\u00e9", "", "a.b", "updatedUtc"]))] = (
            data.draw(odd_values)
        )
    if path != ("Id",):
        record["Id"] = "x"
    return odd_line(record), path, column


@pytest.mark.slow
@EVERY
@MANY
@given(data=st.data())
def test_the_parser_reads_every_line_that_the_check_accepts_as_the_check_means_it(
    table, tmp_path_factory, data
):
    folder = tmp_path_factory.mktemp("odd")
    accepted = []
    for _ in range(LINES):
        line, path, column = _drawn(data, table)
        try:
            inspect(line, table)
        except FieldError:
            continue
        accepted.append((line, path, column))
    (folder / "x.jsonl").write_bytes(b"".join(line + b"\n" for line, _, _ in accepted))
    done = convert(table, [folder / "x.jsonl"], folder / "rows.parquet", threads=1)
    assert done.rows == len(accepted)
    for row, (line, path, column) in zip(
        pq.read_table(folder / "rows.parquet").to_pylist(), accepted, strict=True
    ):
        if column.kind in _MEANT:
            found, sent = (
                _at(row, [snake_case(name) for name in path]),
                _at(json.loads(line, **_AS_TEXT), list(path)),
            )
            assert found == (None if sent is None else _MEANT[column.kind](sent)), line


_AS_TEXT: dict[str, Any] = {"parse_int": str, "parse_float": str}


def _at(value: Any, path: list[str]) -> Any:
    """What stands at the path, in lists first."""
    for name in path:
        value = value[name]
        if isinstance(value, list):
            value = value[0] if value else None
        if value is None:
            return None
    return value


def _instant(text: str) -> datetime | None:
    if text == "":
        return None
    day, clock, fraction, zone = re.fullmatch(
        r"(.{10})(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?(.*))?", text.strip()
    ).groups()  # type: ignore[union-attr]
    whole = datetime.fromisoformat(f"{day}T{clock or '00:00'}{'+00:00' if zone in (None, '', 'Z') else zone}")
    return whole.astimezone(UTC).replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))


def _decimal(text: str) -> Decimal:
    mantissa, _, exponent = text.lower().partition("e")
    return (
        Decimal(0)
        if not mantissa.strip("-0.")
        else Decimal(f"{mantissa}e{int(exponent.lstrip('+')[-30:] or 0)}")
    )


_MEANT = {
    Kind.UTC: _instant,
    Kind.DATE: lambda text: date.fromisoformat(text.strip()[:10]) if text else None,
    Kind.INTEGER: lambda text: int(_decimal(text)),
    Kind.NUMBER: float,
    Kind.DECIMAL: _decimal,
}


@pytest.mark.parametrize("text", ["9.999999999999999e19", "9007199254740.995", "-99999999999999999999.9",
    "99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999", "0e99999999999999999999",
    "0e" + "9" * 5000, "1e" + "0" * 5000 + "1"])  # fmt: skip
def test_money_keeps_its_digits_up_to_the_limits_of_a_decimal(tmp_path, text):
    """The parser takes a number by way of a double, which is rounded beyond the limit, or to another 16 digits."""
    line = json_line({"Id": "a", "Value": 12321}).replace(b"12321", text.encode())
    done, found = converted(tmp_path, line + json_line({"Id": "b", "Value": 1.5}), LEDGER)
    assert found.column("value").to_pylist() == [_decimal(text), Decimal("1.5")]
    assert done.rows == 2


def test_an_exponent_of_thousands_of_digits_is_refused_with_its_line(tmp_path):
    for text in ("1e" + "9" * 5000, "1e-" + "9" * 5000):
        error = refused(tmp_path, with_text("Value", text, {"Id": "a"}), LEDGER)
        assert (error.line, error.field) == (1, "Value")
        (tmp_path / "rows.parquet").unlink()


@pytest.mark.parametrize("around", ["\u00a0", "\u3000", "\x0b", "\x1f", " ", "\t"])
@pytest.mark.parametrize("field", ["UpdatedUtc", "CreatedUtc"])
def test_spaces_around_an_instant_of_whatever_kind_do_not_matter(tmp_path, around, field):
    for text in (f"{around}2026-03-02", f"2026-03-02T10:00:00Z{around}"):
        _, found = converted(tmp_path, GOOD + json_line({**item("a", at(1)), field: text}) + GOOD)
        assert found.column(snake_case(field))[1].as_py() == _instant(text)


def test_lines_between_odd_ones_stay_as_they_are(tmp_path):
    """A file with odd lines is written anew for the parser, each in its place."""
    odd = json_line({**item("odd", at(2)), "CreatedUtc": "\u00a02026-03-02", "New": [1], "Notes": "n\u00e9"})
    long = with_text("UnitAmount", '{"NetValue":12345.678901234567891}')
    done, found = converted(tmp_path, GOOD + odd + b"\n" + long + odd.strip() + b"\r\n" + GOOD[:-1])
    assert found.column("id").to_pylist() == ["good", "odd", "odd", "odd", "good"]
    assert found.column("notes").to_pylist() == [None, "n\u00e9", None, "n\u00e9", None]
    exact = [("UnitAmount.NetValue", "12345.678901234567891")]
    assert found.column("_exact_numbers").to_pylist() == [None, None, exact, None, None]
    assert (done.findings.blank_lines, done.findings.unknown["New"].count) == (1, 2)


def test_a_file_of_many_odd_lines_over_several_blocks_is_read_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("mews_assets.lake.conversion.check_file.BLOCK_BYTES", 1 << 14)
    records = [
        {**item(f"{n}", at(2)), "CreatedUtc": "" if n % 3 else "2026-03-02", "Notes": "x" * (n % 50)}
        for n in range(2000)
    ]
    done, found = converted(tmp_path, records, name="x.jsonl.zst")
    assert found.column("id").to_pylist() == [f"{n}" for n in range(2000)]
    assert found.column("created_utc").null_count == done.findings.empty["CreatedUtc"] == 1333


@pytest.mark.parametrize("raw", [Raw("[truefalse]"), Raw("[true1]"), Raw("[nullnull]")])
def test_words_without_a_comma_are_malformed(tmp_path, raw):
    line = odd_line({"Id": "a", "New": raw}) + b"\n"
    assert refused(tmp_path, GOOD + line, ORDER_ITEMS).line == 2
