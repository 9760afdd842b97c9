"""The option `--scope`: hotels and chains as people name them, for the commands that look at a part of the lake.

Lives here: the option, and which tables' scopes belong to what it names. Not here: finding the scope that a text names
(`ingest.find_scope`).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.ingest.directory import Directory

TAKES = "a hotel or chain: its key (as in Dagster's partitions), its id, or a unique part of its name"


def add_scope_option(parser: argparse.ArgumentParser, then: str) -> None:
    parser.add_argument("--scope", action="append", metavar="NAME", default=[], help=f"{TAKES}; {then}")


def chosen_scopes(directory: Directory, texts: list[str]) -> set[str] | None:
    """The ids of what was named, with the chain of a hotel and the hotels of a chain; None where nothing was named.

    Raises UnknownScopeError on a text that names none or several.
    """
    from mews_assets.catalog.model import ScopeKind

    if not texts:
        return None
    found = {directory.find(text, *ScopeKind).id for text in texts}
    together = {
        (hotel.id, hotel.chain_id)
        for hotel in directory.enterprises.values()
        if {hotel.id, hotel.chain_id} & found
    }
    return found | {scope for pair in together for scope in pair}
