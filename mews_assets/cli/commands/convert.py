"""`mews-assets convert TABLE IN OUT`: one file of JSON Lines to one Parquet file, without Dagster."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", help="the table the records belong to, such as order_items")
    parser.add_argument("source", type=Path, help="JSON Lines: plain, .gz or .zst")
    parser.add_argument("target", type=Path, help="the Parquet file to write; replaced whole")


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import HomeError
    from mews_assets.lake.conversion.convert import absent_columns, convert
    from mews_assets.lake.conversion.mask_rows import RowMasker
    from mews_assets.lake.errors import RecordError
    from mews_assets.settings import read_memory, read_privacy

    table = catalog.table(args.table)
    if not args.source.is_file():
        problem = "a folder; give one file" if args.source.is_dir() else "no file"
        raise HomeError(f"{args.source} is {problem}")
    if not args.target.absolute().parent.is_dir():
        raise HomeError(
            f"there is no folder {args.target.absolute().parent} to write {args.target.name} into"
        )
    if args.target.is_dir():
        raise HomeError(
            f"{args.target} is a folder; name the file to write, such as {args.target / 'rows.parquet'}"
        )
    if args.target.exists() and args.target.samefile(args.source):
        raise HomeError(
            f"{args.target} is the file to read; name another to write, or the records would be gone"
        )
    masker = RowMasker(table, read_privacy(os.environ))
    try:
        converted = convert(table, [args.source], args.target, masker=masker, memory=read_memory(os.environ))
    except RecordError as error:  # its advice is for captures
        raise HomeError(
            f"{table.name}: {error.place}: {error.problem}. {args.target} was not written"
        ) from None
    findings = converted.findings
    print(f"{args.target}: {converted.rows} rows, {args.target.stat().st_size} bytes")
    for path, seen in sorted(findings.unknown.items()):
        print(
            f"new field {path} ({seen.kind}), seen {seen.count} times: not in the table, still in {args.source}"
        )
    for path, count in sorted(findings.empty.items()):
        print(f"empty text for {path} in {count} rows: a null in the table")
    if missing := absent_columns(table, args.target):
        print(
            f"in no row: {', '.join(missing)}; at Mews every record of {table.name} has them. Are these records of "
            "another table?"
        )
    if findings.exact:
        print(f"{findings.exact} rows hold numbers longer than a double: see _exact_numbers")
    return 0
