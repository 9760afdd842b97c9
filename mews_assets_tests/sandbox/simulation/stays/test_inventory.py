from __future__ import annotations

from mews_assets.sandbox.simulation.hotel import Hotel, make_chain, make_hotel
from mews_assets.sandbox.simulation.stays.inventory import Rooms


def _hotel() -> Hotel:
    return make_hotel(1, 0, make_chain(1, 0), rooms=8, first=0)


def test_a_full_house_has_no_room() -> None:
    hotel = _hotel()
    rooms = Rooms(hotel, 100)
    taken = [rooms.take(110, 2) for _ in hotel.room_ids]
    assert sorted(room for room in taken if room is not None) == list(range(len(hotel.room_ids)))
    assert rooms.take(111, 1) is None
    assert rooms.take(112, 1) is not None


def test_a_released_room_can_be_taken_again_even_after_days_are_forgotten() -> None:
    rooms = Rooms(_hotel(), 100)
    room = rooms.take(103, 4)
    assert room == 0
    rooms.forget_before(105)
    assert not rooms.extend(0, 106)
    rooms.release(0, 103, 4)
    assert rooms.extend(0, 106)
