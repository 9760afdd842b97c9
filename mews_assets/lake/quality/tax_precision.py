"""How finely each enterprise rounds its taxes, as the directory of the lake tells it.

Lives here: reading that one number of every enterprise. Not here: finding enterprises (the directory is written
where they are discovered).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import read_state

DEFAULT_DECIMALS = 2
"""Of an enterprise that states none, or is not in the directory: cents, which most currencies have."""


class _Enterprise(msgspec.Struct):
    id: str
    tax_precision: int | None = None


class _Directory(msgspec.Struct):
    """The part of `state/directory.json` that is read here."""

    enterprises: list[_Enterprise]


def tax_decimals(lake: Lake) -> Mapping[str, int]:
    """The decimals of taxes by enterprise; those that state none are left out."""
    if not lake.exists(layout.directory_file()):
        return {}
    directory = read_state(lake, layout.directory_file(), _Directory)
    return {one.id: one.tax_precision for one in directory.enterprises if one.tax_precision is not None}
