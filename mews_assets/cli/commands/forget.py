"""`mews-assets forget --customer ID`: erases a customer from the lake, and searches the lake to prove it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from mews_assets.cli.progress import shown_progress

if TYPE_CHECKING:
    from mews_assets.lake.erasure.erase_customer import ErasureReport
    from mews_assets.lake.erasure.verify_erasure import Copies
    from mews_assets.lake.storage.lake import Lake


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
    from mews_assets.lake.erasure.erase_customer import erase_customer
    from mews_assets.lake.storage.lake import open_standing
    from mews_assets.lake_location import read_delta, read_lake

    load_dotenv()
    if any(not text.strip() for text in args.also):
        raise HomeError("--also is empty; give a text to search for, or leave it out")
    lake = open_standing(read_lake(os.environ))
    print(f"in the lake {lake.uri('')}:")
    delta = read_delta(os.environ, read_lake(os.environ))
    copies = _delta_copies(lake, delta) if delta else None
    with shown_progress() as progress:
        done = erase_customer(
            lake,
            catalog.TABLES,
            args.customer,
            utc_now(),
            also=args.also,
            copies=copies,
            progress=progress,
        )
    print("\n".join(format_report(done)))
    if not done.is_known:
        return NOTHING_FOUND
    return 0 if done.is_done else 1


def _delta_copies(lake: Lake, delta: str) -> Copies:
    """The Delta tables. Published again, their current version has no data of the person; older ones are removed."""
    from mews_assets import catalog
    from mews_assets.lake.erasure.verify_erasure import Copies
    from mews_assets.lake.storage.lake import open_place
    from mews_assets.publish.delta_tables import republish_current

    def renew() -> None:
        again = republish_current(lake, delta, catalog.TABLES)
        print(f"Delta tables in {delta}: {len(again)} published again, their older versions removed")

    return Copies("delta", open_place(delta), renew)


NOTHING_FOUND = 2
"""The exit code if no record in the lake has the id: most likely it is mistyped."""
_NOT_SEARCHED = (
    "not searched: everything outside the lake and its Delta tables (other copies and backups, messages that were "
    "sent, Dagster's storage and logs), and pictures and archives such as .zip and .xlsx inside it"
)


def format_report(done: ErasureReport) -> list[str]:
    """The report. It contains no text that identifies the person, for it will be kept."""
    if not done.is_known:
        return [
            f"nothing found: no record in {done.found.files} files of the lake names {done.people[0]}. Mistyped? It "
            "is the `id` in customers. It is on the erasure list all the same, and will be hidden in new captures",
            *_unread(done),
        ]
    return [f"forgotten: {', '.join(done.people)}", *_changed(done), *_searched(done), *_left(done)]


def _changed(done: ErasureReport) -> list[str]:
    layers = [layer for layer in done.files if done.files[layer]]
    lines = [
        f"  {layer}: {done.files[layer]} files rewritten, {done.records[layer]} records" for layer in layers
    ]
    if not layers:
        since = f"on the erasure list since {done.before}" if done.before else "the lake has no such text"
        lines.append(
            f"  nothing to erase: {since}; {done.found.naming} records have the id and hold nothing personal"
        )
    if done.merged_into:
        lines.append(
            f"merged into {', '.join(done.merged_into)} at Mews: most likely the same person; erase that customer too"
        )
    return lines


def _searched(done: ErasureReport) -> list[str]:
    found = done.found
    if not done.texts:
        return [
            "not searched for texts: the lake had no text that identifies them, or an earlier search found nothing "
            "left; give texts with --also, such as their name"
        ]
    copied = f", {found.copied_files} of them of the Delta tables" if found.copied_files else ""
    shared = f"{len(found.shared)} of them are also other guests'"
    lines = [
        f"searched: {found.files} files{copied}, {found.size_bytes} bytes, for {len(done.texts)} texts that identify "
        f"them ({shared})"
    ]
    if done.not_searched:
        lines.append(
            f"  {done.not_searched} more texts identify nobody by themselves and were not searched for: short ones, "
            "everyday words, ids"
        )
    return [*lines, _NOT_SEARCHED]


def _left(done: ErasureReport) -> list[str]:
    found = done.found
    lines = [f"left: {sum(found.remaining.values())} records", *_by_file(found.remaining)]
    if found.elsewhere:
        lines.append("records of others that contain one of the texts; check them (a note, or a namesake):")
        lines += _by_file(found.elsewhere)
    lines += _unread(done)
    if done.workspaces_in_use:
        lines.append(
            f"{done.workspaces_in_use} runs were active and may hold records that they fetched before: run this again "
            "when they have ended"
        )
    if done.texts and not done.is_done:
        lines.append(
            "not finished: correct that and run this again. Until a search finds nothing left, the texts it searches "
            "for are kept in state/forgetting"
        )
    return lines


def _unread(done: ErasureReport) -> list[str]:
    if not done.unread:
        return []
    heading = "could not be read or rewritten, and may contain them: repair or remove these files, and run this again:"
    return [heading, *(f"  {name}: {kind}" for name, kind in sorted(done.unread.items()))]


def _by_file(counts: dict[str, int]) -> list[str]:
    return [f"  {name}: {count}" for name, count in sorted(counts.items())]
