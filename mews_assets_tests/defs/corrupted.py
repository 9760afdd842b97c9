"""What a simulated hotel's Mews sends, with deliberate corruptions in it, one for each check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation import simulate
from mews_assets.sandbox.simulation.amounts import ENCODER
from mews_assets_tests.marts.expected_marts import newest

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)


SPARSE_DAY = "2025-03-27"


ELSEWHERE = "00000000-0000-4000-8000-00000000beef"
Record = dict[str, Any]


@dataclass(frozen=True)
class Corruption:
    """One record, as Mews shows it on a day, changed."""

    entity: str
    day: str
    change: Callable[[Record], None]
    fits: Callable[[Record], bool] = lambda record: True


def _lose_the_state(record: Record) -> None:
    del record["State"]


def _flip_to_a_refund(record: Record) -> None:
    record["Kind"] = "Refund"  # and the amount stays that of money received


def _misspell_the_currency(record: Record) -> None:
    record["OriginalAmount"]["Currency"] = "CROWNS"


def _charge_two_hellers_more(record: Record) -> None:
    record["Amount"]["GrossValue"] += Decimal("0.02")


def _post_a_heller_more(record: Record) -> None:
    record["Value"] += Decimal("0.01")


def _teleport(record: Record) -> None:
    record["State"] = "Teleported"


def _add_a_mood(record: Record) -> None:
    record["Mood"] = "sunny"


def _number_it(record: Record) -> None:
    record["Number"] = 7


def _send_elsewhere(record: Record) -> None:
    record["ChainId"] = ELSEWHERE


CORRUPTIONS = (
    Corruption("Payment", "2025-03-10", _lose_the_state),
    Corruption("Payment", "2025-03-11", _flip_to_a_refund, lambda one: one["Amount"]["GrossValue"] < 0),
    Corruption("Payment", "2025-03-12", _misspell_the_currency),
    Corruption("OrderItem", "2025-03-11", _charge_two_hellers_more, lambda one: one["Type"] == "SpaceOrder"),
    Corruption("Reservation", "2025-03-11", _teleport),
    Corruption("Bill", "2025-03-11", _add_a_mood),
    Corruption("Bill", "2025-03-12", _number_it),
    Corruption("Customer", "2025-03-11", _send_elsewhere),
)
"""All but those of the ledger, which is found by its day of posting."""


def day_of(version: Version) -> str:
    return datetime.fromtimestamp(version.stamp_us / 1e6, UTC).date().isoformat()


def corrupted() -> Iterator[Version]:
    """A hotel's versions up to now, with all corruptions in them."""
    versions = []
    now_us = int(NOW.timestamp() * 1e6)
    for version in simulate(hotels=1, days=25, seed=1, now=NOW, rooms=12):
        if version.entity == "LedgerEntry" and version.stamp_us > now_us:
            break  # what follows is the hotel's future
        if version.stamp_us <= now_us:
            versions.append(version)
    shown = newest(versions, now_us)
    spoilt: dict[tuple[str, str, int], bytes] = {}
    for one in CORRUPTIONS:
        candidates = (
            version
            for version in shown.values()
            if version.entity == one.entity and day_of(version) == one.day
        )
        version, record = next(
            (version, record) for version in candidates if one.fits(record := _decoded(version))
        )
        one.change(record)
        spoilt[version.entity, version.id, version.stamp_us] = ENCODER.encode(record)
    yield from (
        replace(one, record=spoilt.get((one.entity, one.id, one.stamp_us), one.record))
        for one in _with_a_spoilt_ledger(versions)
    )


def _with_a_spoilt_ledger(versions: list[Version]) -> Iterator[Version]:
    """One debit of one day a heller higher; and of another day, one transaction in ten, whole."""
    is_spoilt = False
    for version in versions:
        if version.entity == "LedgerEntry":
            record = _decoded(version)
            if record["PostingDate"] == SPARSE_DAY and int(record["TransactionId"][:4], 16) % 10:
                continue
            is_debit = record["LedgerEntryType"] == "Debit"
            if record["PostingDate"] == "2025-03-28" and is_debit and not is_spoilt:
                is_spoilt = True
                _post_a_heller_more(record)
                version = replace(version, record=ENCODER.encode(record))
        yield version


def _decoded(version: Version) -> Record:
    found: Record = json.loads(version.record, parse_float=Decimal)
    return found
