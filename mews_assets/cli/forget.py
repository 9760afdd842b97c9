"""`mews-assets forget --customer ID`: a customer taken out of the lake, and the proof."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.lake.forget import Forgotten


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--customer", required=True, metavar="ID", help="the customer's id at Mews")
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="TEXT",
        help="another text to search for, such as a name",
    )


def run(args: argparse.Namespace) -> int:
    from mews_assets import catalog
    from mews_assets.cli.home import HomeError, load_dotenv, utc_now
    from mews_assets.lake.forget import forget
    from mews_assets.lake.store import open_standing
    from mews_assets.settings import read_lake

    load_dotenv()
    if any(not text.strip() for text in args.also):
        raise HomeError("--also is empty; give a text to search for, or leave it out")
    lake = open_standing(read_lake(os.environ))
    print(f"in the lake {lake.uri('')}:")
    done = forget(lake, catalog.TABLES, args.customer, utc_now(), also=args.also)
    print("\n".join(told(done)))
    return 1 if done.found.left or done.workspaces_in_use else 0


def told(done: Forgotten) -> list[str]:
    """The report. None of the texts that tell who the person is are in it: it will be kept."""
    lines = [f"forgotten: {', '.join(done.people)}"]
    layers = [layer for layer in done.files if done.files[layer]]
    lines += [
        f"  {layer}: {done.files[layer]} files rewritten, {done.records[layer]} records" for layer in layers
    ]
    if not layers:
        lines.append(
            "  no file held anything of this id: forgotten before, or mistyped (it stands in `id` of customers). It is "
            "remembered, and hidden in whatever comes"
        )
    if done.merged_into:
        lines.append(
            f"merged into {', '.join(done.merged_into)} at Mews: most likely the same person; forget that one too"
        )
    found = done.found
    if done.texts:
        lines.append(
            f"searched: {found.files} files, {found.size_bytes} bytes, for {len(done.texts)} texts that told who they "
            f"are ({len(found.shared)} of them other guests' as well)"
        )
    else:
        lines.append(
            "not searched: the lake knew no text that tells who they are; name some with --also, such as their name"
        )
    left = sum(found.left.values())
    lines.append(f"left: {left} records")
    lines += [f"  {name}: {count}" for name, count in sorted(found.left.items())]
    if found.elsewhere:
        lines.append("records of others that hold one of the texts, to be looked at (a note, or a namesake):")
        lines += [f"  {name}: {count}" for name, count in sorted(found.elsewhere.items())]
    if done.workspaces_in_use:
        lines.append(
            f"{done.workspaces_in_use} runs were at work and may hold what they fetched before: do this again when "
            "they have ended"
        )
    return lines
