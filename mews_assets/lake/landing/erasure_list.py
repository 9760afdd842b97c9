"""Who was forgotten: the ids of customers whose personal data may not come back with a later capture.

Lives here: the list in the lake, and what of a table's rows is hidden because of it and of the policy. Not here:
taking out what is in the lake already (`forget`).

The ids stand there as they are. They tell nothing of a person once the record is empty, they stay in the money rows
anyway, and hashes of them could be tried out against those. Without the list nobody could keep the promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mews_assets.catalog.model import Table
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.stored_policy import is_migrating_to, is_stored_policy
from mews_assets.lake.text.match_ids import same_id
from mews_assets.windows import to_api


def erased_customers(lake: Lake) -> dict[str, str]:
    """The ids, each with when it was first asked for."""
    if not lake.exists(layout.forgotten_file()):
        return {}
    found: dict[str, str] = lake.read_json(layout.forgotten_file()).get("customers", {})
    return {same_id(one): since for one, since in found.items()}


def add_to_erasure_list(lake: Lake, people: Iterable[str], now: datetime) -> None:
    """From when this returns, nobody who reads the list brings them in again."""
    with lake.lock("forgotten"):
        known = erased_customers(lake)
        new = {one: to_api(now) for one in map(same_id, people) if one not in known}
        if new:
            lake.write_json(layout.forgotten_file(), {"customers": {**known, **new}})


def row_masker(lake: Lake, table: Table) -> RowMasker:
    """What is hidden in rows of a table that are about to be written. To be asked under the table's lock.

    Raises LakeError when the lake was brought under another policy since it was opened.
    """
    laid = lake.read_json(layout.LAKE_FILE) if lake.exists(layout.LAKE_FILE) else {}
    if not (is_stored_policy(laid, lake.privacy) or is_migrating_to(laid, lake.privacy)):
        raise LakeError(
            f"{table.name}: {lake.uri('')} is being brought under another MEWS_PII, or was since this process began. "
            "Start the process again, with MEWS_PII as the lake has it"
        )
    return RowMasker(table, lake.privacy, erased_customers(lake))
