"""Reference records of the simulated hotels: what the ids in their other records refer to.

Lives here: `hotel_records` and `platform_records`. The modules, one per group of tables:

    spaces  rooms and the categories they are sold by
    rates   rates, segments, age categories, sources
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.reference.rates import rate_records, source_records
from mews_assets.sandbox.simulation.reference.spaces import space_records


def hotel_records(hotel: Hotel) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records of one hotel that never change: (entity, record)."""
    yield from hotel.reference
    yield from space_records(hotel)
    yield from rate_records(hotel)


def platform_records() -> Iterator[tuple[str, dict[str, Any]]]:
    """The records that are the same for every hotel: (entity, record)."""
    yield from source_records()
