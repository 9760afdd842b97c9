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
    from mews_assets.lake.convert import convert
    from mews_assets.lake.hiding import Hiding
    from mews_assets.settings import read_privacy

    table = catalog.table(args.table)
    if not args.source.is_file():
        raise HomeError(f"there is no file {args.source}")
    if not args.target.absolute().parent.is_dir():
        raise HomeError(
            f"there is no folder {args.target.absolute().parent} to write {args.target.name} into"
        )
    hiding = Hiding(table, read_privacy(os.environ))
    converted = convert(table, [args.source], args.target, hiding=hiding)
    findings = converted.findings
    print(f"{args.target}: {converted.rows} rows, {args.target.stat().st_size} bytes")
    for path, seen in sorted(findings.unknown.items()):
        print(
            f"new field {path} ({seen.kind}), seen {seen.count} times: not in the table, still in {args.source}"
        )
    if findings.exact:
        print(f"{findings.exact} rows hold numbers longer than a double: see _exact_numbers")
    return 0
