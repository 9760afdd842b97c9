"""One simulated hotel, from the bookings before the first day to the last planned check-out.

Lives here: `hotel_life`, which connects the parts of a hotel and plans each day.

The hotel is occupied on its first day: guests who stay there then have booked and checked in before, and those versions
are included. Stays that ended before are not, so the time before the first day is there only in part.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation.demand import (
    LONGEST_LEAD,
    LONGEST_STAY,
    count,
    expected_bookings,
    group_size,
    lead_days,
    nights,
)
from mews_assets.sandbox.simulation.derived import Derived
from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import next_midnight
from mews_assets.sandbox.simulation.money.billing import Billing
from mews_assets.sandbox.simulation.money.ledger import Ledger
from mews_assets.sandbox.simulation.money.outlets import Outlets
from mews_assets.sandbox.simulation.stays.guests import ChainLife, Guests, customer
from mews_assets.sandbox.simulation.stays.inventory import Inventory, Rooms
from mews_assets.sandbox.simulation.stays.reservation_lifecycle import Stays


def simulate_hotel(hotel: Hotel, chain: ChainLife, seed: int, first: int, last: int) -> Iterator[Version]:
    """All versions of the hotel in the order of time, without its reference records."""
    derived = Derived(hotel.chain, hotel)
    queue = EventQueue(Random(f"{seed}/hotel/{hotel.index}/life"), last, derived)  # noqa: S311
    return _Days(hotel, chain, queue, first).run()


class _Days:
    def __init__(self, hotel: Hotel, chain: ChainLife, queue: EventQueue, first: int) -> None:
        self._hotel = hotel
        self._queue = queue
        self._first_day = hotel.clock.ordinal(first)
        guests, ledger = Guests(hotel, queue, chain), Ledger(hotel, queue)
        self._rooms = Rooms(hotel, self._first_day - LONGEST_STAY)
        self._inventory = Inventory(hotel, queue, guests, self._rooms)
        billing = Billing(hotel, queue, ledger)
        self._stays = Stays(hotel, queue, billing, guests, self._rooms, self._inventory)
        self._outlets = Outlets(hotel, queue, ledger)

    def run(self) -> Iterator[Version]:
        self._queue.plan(self._hotel.opened, self._open_house)
        first = self._first_day
        for arrival in range(first - LONGEST_STAY, first + LONGEST_LEAD):
            self._expect(arrival)
        for day in range(first - LONGEST_STAY, first):
            self._plan_audit(day)
        self._queue.plan(self._hotel.clock.at(first, 4), self._day, first)
        return self._queue.run()

    def _open_house(self) -> None:
        """Guests who pay at the bar without a name are one customer, created when the hotel opened."""
        hotel, queue = self._hotel, self._queue
        walk_in = customer(queue.rng, hotel.chain, (hotel.index + 1) * 1_000_000, queue.now, hotel.robot)
        walk_in.record.update(Id=hotel.walk_in, FirstName=None, LastName=f"Walk-in {hotel.name}", Email=None)
        walk_in.record["Classifications"] = ["PaymasterAccount", "Cashlist"]
        queue.write(Entry("Customer", hotel.chain.id, walk_in.record))

    def _day(self, today: int) -> None:
        """Early in the morning: plan the day, and the arrivals four months ahead."""
        queue = self._queue
        self._rooms.forget_before(today - 1)
        self._expect(today + LONGEST_LEAD)
        self._outlets.open_day(today)
        self._plan_audit(today)
        if queue.chance(0.3):
            queue.plan(
                queue.between(queue.now, self._hotel.clock.at(today, 18)), self._inventory.block_room, today
            )
        queue.plan(self._hotel.clock.at(today + 1, 4), self._day, today + 1)

    def _plan_audit(self, day: int) -> None:
        """The night audit runs some hours after midnight, and sometimes exactly at midnight UTC."""
        when = self._hotel.clock.at(day + 1, 2.5)
        if self._queue.chance(0.15):
            when = next_midnight(self._hotel.clock.at(day, 16))
        self._queue.plan(when, self._stays.audit)

    def _expect(self, arrival: int) -> None:
        """Bookings and groups for one date of arrival, each planned for the day it is made."""
        queue, hotel, rng = self._queue, self._hotel, self._queue.rng
        expected = count(rng, expected_bookings(arrival, len(hotel.room_ids)))
        while expected > 0:
            stay, lead, size = nights(rng), lead_days(rng), group_size(rng)
            expected -= size
            hour = 8 + rng.random() * (5 if lead == 0 else 15.5)
            if arrival + stay > self._first_day:
                when = queue.between(hotel.clock.at(arrival - lead, hour), 0)
                queue.plan(when, self._stays.book, arrival, stay, size)
        if rng.random() < 0.12:
            lead, stay, size = rng.randint(30, 100), rng.randint(1, 3), rng.randint(4, 8)
            if arrival + stay > self._first_day:
                when = queue.between(hotel.clock.at(arrival - lead, 8 + rng.random() * 9), 0)
                queue.plan(when, self._inventory.allot, arrival, stay, size, self._stays.pick_up)
