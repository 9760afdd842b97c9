"""Simulated hotels: the versions of their records, drawn from a seed.

Lives here: `simulate`. The modules, in reading order:

    instants, amounts  times and sums of money
    event_queue        what happens when
    locations, hotel   towns, and a hotel before anything happens in it
    reference          what the ids in their records refer to
    demand             how many guests book, and when
    money              bills, payments, outlets, the ledger
    stays              guests, rooms, reservations, extras
    derived            records that follow from others
    daily_schedule     the plan of each day of one hotel
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation.daily_schedule import simulate_hotel
from mews_assets.sandbox.simulation.hotel import make_chain, make_hotel
from mews_assets.sandbox.simulation.instants import DAY, from_datetime
from mews_assets.sandbox.simulation.reference import chain_versions, hotel_versions, platform_versions
from mews_assets.sandbox.simulation.stays.guests import ChainLife

FUTURE = timedelta(days=30)
"""How far beyond `now` the simulation goes, so that a clock can be moved."""


def simulate(*, hotels: int, days: int, seed: int, now: datetime, rooms: int = 48) -> Iterator[Version]:
    """All versions of the hotels over the `days` days before `now`, and the future ones up to now + 30 days.

    Reference records come first, then the chains' profiles, then hotel by hotel in the order of time. The
    versions of one record come in the order of their stamps, no two at one stamp. The same arguments give the
    same bytes.
    """
    if hotels < 1 or days < 1 or rooms < 8:
        raise ValueError(
            f"a simulation needs at least 1 hotel, 1 day and 8 rooms, got {hotels=}, {days=}, {rooms=}"
        )
    if now.tzinfo is None:
        raise ValueError(f"the simulation's now must be an aware datetime, got {now!r}")
    return _versions(hotels, seed, from_datetime(now), days, rooms)


def _versions(hotels: int, seed: int, now: int, days: int, rooms: int) -> Iterator[Version]:
    first = (now // DAY - days) * DAY
    last = now + FUTURE // timedelta(microseconds=1)
    chains = [make_chain(seed, index) for index in range((hotels * 2 + 4) // 5)]
    houses = [
        make_hotel(seed, index, chains[index * len(chains) // hotels], rooms, first)
        for index in range(hotels)
    ]
    lives = [ChainLife(chain, seed, first, last) for chain in chains]
    yield from platform_versions()
    for chain in chains:
        yield from chain_versions(chain)
    for house in houses:
        life = lives[house.chain.index]
        agencies = [company.id for company in life.agencies]
        firms = [company.id for company in life.companies if company.id not in agencies]
        yield from hotel_versions(house, firms, agencies, first, last)
    for life in lives:
        yield from life.queue.run()
    for house in houses:
        yield from simulate_hotel(house, lives[house.chain.index], seed, first, last)
