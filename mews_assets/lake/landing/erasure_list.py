"""Erased customers: the ids whose personal data may not come back with a later capture.

Lives here: the list in the lake, and the masking of rows that follows from it and from the policy. Not here: erasing
what is in the lake already (`erasure.erase_customer`).

The ids are stored in plain text. They say nothing of a person once the record is empty, they stay in the money rows
anyway, and hashes of them could be looked up there. Without the list, a later capture would bring the data back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from mews_assets.catalog.model import RecordType
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.errors import PolicyChangedError
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.state_files import change_state, read_state
from mews_assets.lake.storage.stored_policy import is_migrating_to, is_stored_policy
from mews_assets.lake.text.match_ids import same_id
from mews_assets.windows import to_api


class _StoredList(msgspec.Struct):
    """`state/forgotten.json`: the ids, each with when its erasure was first requested."""

    customers: dict[str, str]


def erased_customers(lake: Lake) -> dict[str, str]:
    """The ids of erased customers, each with when its erasure was first requested.

    Raises LakeError on a list that cannot be read.
    """
    try:
        return _customers(read_state(lake, layout.erasure_list_file(), _StoredList))
    except FileNotFoundError:
        return {}


def _customers(stored: _StoredList | None) -> dict[str, str]:
    return {same_id(customer): since for customer, since in stored.customers.items()} if stored else {}


def add_to_erasure_list(lake: Lake, people: Iterable[str], now: datetime) -> None:
    """Add customers. On disk when this returns: every later capture is redacted."""
    ids = [same_id(person) for person in people]

    def added(stored: _StoredList | None) -> _StoredList | None:
        known = _customers(stored)
        new = {person: to_api(now) for person in ids if person not in known}
        return _StoredList({**known, **new}) if new else None

    change_state(lake, layout.erasure_list_file(), _StoredList, added)


def row_masker(lake: Lake, table: RecordType) -> RowMasker:
    """The masking of rows of a table that are about to be written. Call it under the table's lock.

    Raises PolicyChangedError where the lake's policy was changed since it was opened.
    """
    refuse_changed_policy(lake, table)
    return RowMasker(table, lake.privacy, erased_customers(lake))


def refuse_changed_policy(lake: Lake, table: RecordType) -> None:
    """Raise PolicyChangedError where the lake's policy was changed since it was opened, or is being changed."""
    try:
        lake_file = lake.read_json(layout.LAKE_FILE)
    except FileNotFoundError:
        return
    if not (is_stored_policy(lake_file, lake.privacy) or is_migrating_to(lake_file, lake.privacy)):
        raise PolicyChangedError(
            f"{table.name}: {lake.uri('')} is being brought under another MEWS_PII, or was since this process began. "
            "Start the process again, with MEWS_PII as the lake has it"
        )
