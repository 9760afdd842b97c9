"""What all reference records have: ids made from what they stand for, stamps, texts in several languages.

Lives here: small functions over a hotel. Not here: the records.
"""

from __future__ import annotations

from random import Random
from typing import Any

from mews_assets.sandbox.simulation.event_queue import new_id
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, text

PLATFORM_BORN = 18_262 * DAY
"""The stamp of what is the same for every hotel: 2020-01-01, in microseconds since 1970."""


def record_id(hotel: Hotel, what: str) -> str:
    """The id of a record of a hotel that the simulation does not name; the same for the same seed."""
    return new_id(Random(f"{hotel.id}/{what}"))  # noqa: S311


def platform_id(what: str) -> str:
    """The id of a record that is the same for every hotel, whatever the seed."""
    return new_id(Random(f"platform/{what}"))  # noqa: S311


def born(hotel: Hotel) -> dict[str, Any]:
    """The stamps of a record that has not changed since the hotel was opened."""
    return {"CreatedUtc": text(hotel.opened), "UpdatedUtc": text(hotel.opened)}


def texts(hotel: Hotel, name: str) -> dict[str, str]:
    """A text in the hotel's language."""
    return {hotel.place.language: name}
