"""Rooms, the categories they are sold by, and their features.

Lives here: records of Resource, ResourceCategory, ResourceCategoryAssignment, ResourceFeature,
ResourceFeatureAssignment and ResourceCategoryImageAssignment. Not here: which room is taken when (`stays.inventory`).

Every room that the simulation sells is active and in one category. One room of each hotel was given up before it
opened: it is inactive, and so is its assignment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mews_assets.sandbox.simulation.hotel import ROOM_KINDS, Hotel
from mews_assets.sandbox.simulation.reference.made import born, record_id, texts

ROOMS_ON_A_FLOOR = 12
_CAPACITY = {"Standard": (2, 0), "Superior": (2, 1), "Suite": (4, 1)}
"""Beds and extra beds, by the name of the kind."""
_FEATURES = ("Balcony", "SeaView", "PrivateBathroom")
Records = Iterator[tuple[str, dict[str, Any]]]


def space_records(hotel: Hotel) -> Records:
    yield from _categories(hotel)
    yield from _rooms(hotel)
    yield from _features(hotel)


def _categories(hotel: Hotel) -> Records:
    for ordering, ((id, _), (name, _, _)) in enumerate(zip(hotel.kinds, ROOM_KINDS, strict=True)):
        capacity, extra = _CAPACITY[name]
        yield (
            "ResourceCategory",
            {
                "Id": id,
                "EnterpriseId": hotel.id,
                "ServiceId": hotel.stay_service,
                "IsActive": True,
                "Type": "Suite" if name == "Suite" else "Room",
                "Classification": "DoubleBed",
                "Names": texts(hotel, name),
                "ShortNames": texts(hotel, name[:3].upper()),
                "Descriptions": texts(hotel, f"{name} for up to {capacity + extra} guests"),
                "Ordering": ordering,
                "Capacity": capacity,
                "ExtraCapacity": extra,
                "ExternalIdentifier": None,
                "AccountingCategoryId": hotel.categories["Accommodation"],
            },
        )
        yield (
            "ResourceCategoryImageAssignment",
            {
                "Id": record_id(hotel, f"image of {name}"),
                "IsActive": True,
                "CategoryId": id,
                "ImageId": record_id(hotel, f"picture of {name}"),
                "Ordering": 0,
            }
            | born(hotel),
        )


def _rooms(hotel: Hotel) -> Records:
    given_up = record_id(hotel, "the room given up")
    rooms = [(id, kind, True) for id, kind in zip(hotel.room_ids, hotel.kind_of, strict=True)]
    for number, (id, kind, is_active) in enumerate([*rooms, (given_up, 0, False)]):
        floor, place = divmod(number, ROOMS_ON_A_FLOOR)
        name = f"{floor + 1}{place + 1:02d}"
        yield (
            "Resource",
            {
                "Id": id,
                "EnterpriseId": hotel.id,
                "IsActive": is_active,
                "ParentResourceId": None,
                "Name": name,
                "State": "OutOfService" if not is_active else ("Clean", "Inspected", "Dirty")[number % 3],
                "Descriptions": texts(hotel, f"Room {name}"),
                "Data": {
                    "Discriminator": "Space",
                    "Value": {"FloorNumber": str(floor + 1), "LocationNotes": None},
                },
                "ExternalNames": texts(hotel, name),
                "Directions": texts(hotel, f"Floor {floor + 1}, door {place + 1}"),
            }
            | born(hotel),
        )
        yield (
            "ResourceCategoryAssignment",
            {
                "Id": record_id(hotel, f"category of {id}"),
                "IsActive": is_active,
                "ResourceId": id,
                "CategoryId": hotel.kinds[kind][0],
            }
            | born(hotel),
        )


def _features(hotel: Hotel) -> Records:
    for feature in _FEATURES:
        yield (
            "ResourceFeature",
            {
                "Id": record_id(hotel, feature),
                "ServiceId": hotel.stay_service,
                "IsActive": feature != "SeaView",
                "Classification": feature,
                "Names": texts(hotel, feature),
                "ShortNames": texts(hotel, feature[:3]),
                "Descriptions": texts(hotel, feature),
            }
            | born(hotel),
        )
    for number, id in enumerate(hotel.room_ids):
        yield (
            "ResourceFeatureAssignment",
            {
                "Id": record_id(hotel, f"feature of {id}"),
                "IsActive": True,
                "ResourceId": id,
                "FeatureId": record_id(hotel, "Balcony" if number % 4 == 0 else "PrivateBathroom"),
            }
            | born(hotel),
        )
