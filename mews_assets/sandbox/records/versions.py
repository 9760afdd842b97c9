"""A version: one state of one record, valid from its stamp until the record's next version.

Lives here: what the simulation, the user's own files and the control address pass to the store. Not here: where
versions are stored (`store`), and where they come from (`simulation`, `user_files`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Version:
    """What the API sends for one record from `stamp_us` on.

    `id` is lower-case uuid text. `scope` is the enterprise's id, or the chain's for Customer and Company; it
    is needed because Reservation, AvailabilityAdjustment and ProductServiceOrder do not name theirs.
    `stamp_us` is UpdatedUtc (for LedgerEntry CreatedUtc) in microseconds since the epoch. `record` is one
    compact JSON object in UTF-8 without a newline.
    """

    entity: str
    id: str
    scope: str
    stamp_us: int
    record: bytes
    shown_us: int | None = None
    """From when on the API sends it, where that is later than its stamp: some rows become visible late."""
