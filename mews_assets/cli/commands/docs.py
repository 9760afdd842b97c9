"""`mews-assets docs`: writes the page of all tables from the catalog."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", nargs="?", type=Path, default=Path("docs/tables.md"), help="default: docs/tables.md"
    )


def run(args: argparse.Namespace) -> int:
    from mews_assets.catalog import TABLES
    from mews_assets.catalog.document import document
    from mews_assets.catalog.entities.reference import REFERENCES

    args.target.parent.mkdir(parents=True, exist_ok=True)
    args.target.write_text(document(TABLES, REFERENCES), encoding="utf-8")
    print(f"{args.target}: {len(TABLES)} tables, {len(REFERENCES)} of reference")
    return 0
