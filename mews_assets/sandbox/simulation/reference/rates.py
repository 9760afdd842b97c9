"""Rates in groups, segments, age categories, and the sources of reservations.

Lives here: records of RateGroup, Rate, BusinessSegment, AgeCategory and Source. Not here: the prices of nights
(`stays.nights`), and which reservation has which rate (`stays.reservation_records`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import text
from mews_assets.sandbox.simulation.reference.made import (
    PLATFORM_BORN,
    born,
    platform_id,
    record_id,
    texts,
)

GROUPS = ("Flexible", "Non-refundable")
RATES = (  # name, group, type, place of the base rate, place of the segment
    ("Best flexible", "Flexible", "Public", None, 0),
    ("Early booking", "Non-refundable", "Public", 0, 0),
    ("Corporate", "Flexible", "Private", 0, 1),
    ("Group", "Flexible", "AvailabilityBlock", 0, 2),
)
SEGMENTS = ("Leisure", "Corporate", "Groups")
SOURCES = (  # name, type
    ("Booking example", "OnlineTravelAgency"),
    ("Trip example", "OnlineTravelAgency"),
    ("Example GDS", "GlobalDistributionSystem"),
    ("Own website", "OnlineBookingEngine"),
    ("Lobby kiosk", "Kiosk"),
    ("Front desk", "PropertyManagementSystem"),
    ("Example Travel", "Agent"),
)
Records = Iterator[tuple[str, dict[str, Any]]]


def rate_records(hotel: Hotel) -> Records:
    yield from _groups(hotel)
    yield from _rates(hotel)
    for name, id in zip(SEGMENTS, hotel.segments, strict=True):
        record = {"Id": id, "ServiceId": hotel.stay_service, "IsActive": True, "Name": name}
        yield "BusinessSegment", record | born(hotel)
    for name, id, youngest, oldest in (("Adult", hotel.adult, 16, None), ("Child", hotel.child, 0, 15)):
        yield (
            "AgeCategory",
            {
                "Id": id,
                "ServiceId": hotel.stay_service,
                "MinimalAge": youngest,
                "MaximalAge": oldest,
                "Names": texts(hotel, name),
                "ShortNames": texts(hotel, name[0]),
                "Classification": name,
                "IsActive": True,
                "ExternalIdentifier": None,
            }
            | born(hotel),
        )


def group_id(hotel: Hotel, name: str) -> str:
    return record_id(hotel, f"rate group {name}")


def _groups(hotel: Hotel) -> Records:
    for ordering, name in enumerate(GROUPS):
        yield (
            "RateGroup",
            {
                "Id": group_id(hotel, name),
                "ServiceId": hotel.stay_service,
                "IsActive": True,
                "Ordering": ordering,
                "Names": texts(hotel, name),
                "ShortNames": texts(hotel, name[:4]),
                "Descriptions": None,
                "ExternalIdentifier": None,
            }
            | born(hotel),
        )


def _rates(hotel: Hotel) -> Records:
    """The rates that reservations name, and one that was deleted before the first of them."""
    for (name, group, kind, base, segment), id in zip(RATES, hotel.rates, strict=True):
        base_id = None if base is None else hotel.rates[base]
        yield "Rate", _rate(hotel, id, (name, group, kind), base_id, hotel.segments[segment])
    old = _rate(hotel, record_id(hotel, "old rate"), ("Opening offer", "Flexible", "Public"), None, None)
    yield "Rate", old | {"IsActive": False, "IsEnabled": False}


def _rate(
    hotel: Hotel, id: str, names: tuple[str, str, str], base: str | None, segment: str | None
) -> dict[str, Any]:
    """`names` are the rate's name, its group's and its type."""
    name, group, kind = names
    return {
        "Id": id,
        "GroupId": group_id(hotel, group),
        "ServiceId": hotel.stay_service,
        "BaseRateId": base,
        "IsBaseRate": base is None,
        "BusinessSegmentId": segment,
        "IsActive": True,
        "IsEnabled": True,
        "IsPublic": kind == "Public",
        "IsDefault": name == "Best flexible",
        "Type": kind,
        "Names": texts(hotel, name),
        "ShortName": name[:4].upper(),
        "ExternalNames": texts(hotel, name),
        "Description": None,
        "ExternalIdentifier": None,
        "TaxExemptionReason": None,
        "TaxExemptionLegalReference": None,
        "Name": name,
        "UpdatedUtc": born(hotel)["UpdatedUtc"],
    }


def source_records() -> Records:
    for code, (name, kind) in enumerate(SOURCES, 1):
        id = platform_id(f"source {name}")
        yield (
            "Source",
            {"Id": id, "Name": name, "Type": kind, "UpdatedUtc": text(PLATFORM_BORN), "Code": code},
        )
