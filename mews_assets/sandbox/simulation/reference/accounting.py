"""Cashiers, counters, departments, and the exchange rates of each day.

Lives here: records of Cashier, Counter, Department and ExchangeRate. Not here: taxes (`platform`).
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, day_text
from mews_assets.sandbox.simulation.reference.made import born, record_id

PER_EURO = {
    "EUR": 1.0, "CZK": 25.2, "GBP": 0.86, "USD": 1.09, "JPY": 163.0, "AUD": 1.66, "SEK": 11.3, "CAD": 1.48,
    "CHF": 0.96, "DKK": 7.46, "NZD": 1.81,
}  # fmt: skip
"""Units of each currency for one euro, about."""
TARGETS = ("EUR", "USD", "GBP")
Records = Iterator[tuple[str, dict[str, Any]]]
_EPOCH_ORDINAL = 719_163


def accounting_records(hotel: Hotel) -> Records:
    for name, is_active in (("Front desk", True), ("Night desk", True), ("Old till", False)):
        record = {"Id": record_id(hotel, f"cashier {name}"), "EnterpriseId": hotel.id, "Name": name}
        yield "Cashier", record | {"IsActive": is_active} | born(hotel)
    counters = (
        (hotel.counter, "Bills", "BillCounter"),
        (record_id(hotel, "counter of blocks"), "Blocks", "AvailabilityBlockCounter"),
    )
    for id, name, kind in counters:
        yield (
            "Counter",
            {
                "Id": id,
                "EnterpriseId": hotel.id,
                "Name": name,
                "IsDefault": True,
                "Value": 1000 * (hotel.index + 1),
                "Format": "{0}",
                "Type": kind,
            }
            | born(hotel),
        )
    for name in ("Front office", "Housekeeping"):
        record = {"Id": record_id(hotel, f"department {name}"), "EnterpriseId": hotel.id, "Name": name}
        yield "Department", record | {"IsActive": True} | born(hotel)


def exchange_rates(hotel: Hotel, first: int, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rates from the hotel's currency to others, anew at midnight UTC of each day: (stamp, record)."""
    own = hotel.place.currency
    for day in range(first // DAY, last // DAY + 1):
        for target in TARGETS:
            if target != own:
                yield (
                    day * DAY,
                    {
                        "Id": record_id(hotel, f"rate to {target}"),
                        "EnterpriseId": hotel.id,
                        "SourceCurrency": own,
                        "TargetCurrency": target,
                        "Value": round(_per_euro(target, day) / _per_euro(own, day), 6),
                    },
                )


def _per_euro(currency: str, day: int) -> float:
    """The same on one day for all hotels; it moves by up to 1 per cent around the usual rate."""
    wobble = Random(f"{currency} {day_text(day + _EPOCH_ORDINAL)}").uniform(-0.01, 0.01)  # noqa: S311
    return PER_EURO[currency] * (1 if currency == "EUR" else 1 + wobble)
