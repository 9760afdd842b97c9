"""`mews-assets sql "select ..."`: runs a query over the lake's tables; without one, lists the tables.

Lives here: printing the result. Not here: the views and the allowed statements (`lake.reading.sql_views`).
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from decimal import Decimal
from typing import Any

from mews_assets.settings import SettingError

_COLUMN_WIDTH = 40
"""An id takes 36."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "query", nargs="?", help='such as "select * from current.payments"; none lists the tables'
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="comma-separated values, all rows")
    form.add_argument("--json", action="store_true", help="one JSON object to a line, all rows")
    parser.add_argument("--rows", type=int, default=40, help="shown of a long result (default 40)")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import load_dotenv
    from mews_assets.cli.text_table import text_table
    from mews_assets.lake.reading.sql_views import query, rows_of, write_catalog
    from mews_assets.lake.storage.lake import open_standing
    from mews_assets.settings import read_lake

    load_dotenv()
    lake = open_standing(read_lake(os.environ))
    if args.query is None:
        made = write_catalog(lake)
        if args.json:
            for view in made:
                print(json.dumps({"table": f"{view.schema}.{view.name}", "files": view.files}))
            return 0
        print(f"in the lake {lake.uri('')}:")
        views = [[f"{view.schema}.{view.name}", f"{view.files:,}"] for view in made]
        print("\n".join(text_table(["table", "files"], views, numbers=[False, True])))
        return 0
    with query(lake, args.query) as result:
        if args.csv:
            _print_csv(*rows_of(result))
        elif args.json:
            names, rows = rows_of(result)
            is_ascii = not _can_show("\u2713")  # JSON can escape characters that the output cannot show
            for row in rows:
                print(_json(dict(zip(names, row, strict=True)), is_ascii))
        elif hasattr(result, "show"):
            width = shutil.get_terminal_size(
                (10_000, 24)
            ).columns  # a pipe has no width: columns are not left out
            with _fitted(width):
                result.show(max_width=width, max_rows=args.rows, max_col_width=_COLUMN_WIDTH)
        else:  # a plan
            for row in result.fetchall():
                print(row[-1])
    return 0


def _print_csv(names: list[str], rows: Iterator[list[Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="strict")  # a replaced character would be another value
    try:
        writer.writerow(names)
        writer.writerows([_cell(value) for value in row] for row in rows)
    except UnicodeEncodeError as error:
        raise SettingError(
            f"the result contains characters that {error.encoding}, the encoding of this output, does not have; set "
            "PYTHONIOENCODING=utf-8, or use --json"
        ) from None


_BOXES = str.maketrans("─│┌┐└┘├┤┬┴┼·…", "-|+++++++++..")


@contextmanager
def _fitted(width: int) -> Iterator[None]:
    """Cut lines to a terminal of fewer than 80 columns, DuckDB's least, and draw borders as the output can show."""
    with redirect_stdout(io.StringIO()) as drawn:
        yield
    text = drawn.getvalue() if _can_show("─│┌") else drawn.getvalue().translate(_BOXES)
    print("\n".join(line[:width] for line in text.splitlines()))


def _can_show(text: str) -> bool:
    """Whether the output can show these characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")  # zero is not 0E-10
    return _json(value) if isinstance(value, dict | list) else value


def _json(value: Any, is_ascii: bool = False) -> str:
    try:
        return json.dumps(value, default=_plain, ensure_ascii=is_ascii, allow_nan=False)
    except ValueError:  # JSON has no NaN and no infinity
        return json.dumps(_finite(value), default=_plain, ensure_ascii=is_ascii)


def _plain(value: Any) -> Any:
    """What JSON has no type for. A decimal is a number where a double holds all of its digits, and a text elsewhere."""
    if isinstance(value, Decimal) and value.is_finite():
        if value == value.to_integral_value() and abs(value) <= _EXACT_INTEGER:
            return int(value)
        number = float(value)
        if Decimal(repr(number)) == value:
            return number
    return str(value)


_EXACT_INTEGER = 2**53
"""Up to here every reader of JSON has each integer; above, some read a neighbour."""


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
