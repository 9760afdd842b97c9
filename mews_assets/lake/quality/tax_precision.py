"""How finely each enterprise rounds its taxes, as the directory of the lake tells it.

Lives here: reading that one number of every enterprise. Not here: finding enterprises (the directory is written
where they are discovered).
"""

from __future__ import annotations

from collections.abc import Mapping

from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake

DEFAULT_DECIMALS = 2
"""Of an enterprise that states none, or is not in the directory: cents, which most currencies have."""


def tax_decimals(lake: Lake) -> Mapping[str, int]:
    """The decimals of taxes by enterprise; those that state none are left out."""
    if not lake.exists(layout.directory_file()):
        return {}
    enterprises = lake.read_json(layout.directory_file())["enterprises"]
    return {one["id"]: decimals for one in enterprises if (decimals := one.get("tax_precision")) is not None}
