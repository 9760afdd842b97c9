"""The decimal places to which each enterprise rounds its taxes, from the lake's directory.

Lives here: reading this number for every enterprise. Not here: writing the directory (`ingest.directory`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import read_state

DEFAULT_DECIMALS = 2
"""For an enterprise without the number, or not in the directory: cents, which most currencies have."""


class _Enterprise(msgspec.Struct):
    id: str
    tax_precision: int | None = None


class _Directory(msgspec.Struct):
    """The part of `state/directory.json` that is read here."""

    enterprises: list[_Enterprise]


def tax_decimals(lake: Lake) -> Mapping[str, int]:
    """The decimals of taxes by enterprise; enterprises without the number are left out."""
    if not lake.exists(layout.directory_file()):
        return {}
    directory = read_state(lake, layout.directory_file(), _Directory)
    return {
        enterprise.id: enterprise.tax_precision
        for enterprise in directory.enterprises
        if enterprise.tax_precision is not None
    }
