"""`mews-assets docs`: writes the pages of all tables from the catalog."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", type=Path, default=Path("docs"), help="a folder; default: docs")


def run(args: argparse.Namespace) -> int:
    from mews_assets.catalog import TABLES
    from mews_assets.catalog.document import pages
    from mews_assets.catalog.entities.reference import REFERENCES
    from mews_assets.catalog.entities.series import SERIES

    written = pages(TABLES, REFERENCES, SERIES)
    for name, text in written.items():
        path = args.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in (args.target / "tables").glob("*.md"):
        if f"tables/{path.name}" not in written:
            path.unlink()
    counts = f"{len(TABLES)} tables, {len(REFERENCES)} of reference, {len(SERIES)} series"
    print(f"{args.target}: {counts}, on {len(written)} pages")
    return 0
