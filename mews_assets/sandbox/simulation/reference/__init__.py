"""Reference records of the simulated hotels: what the ids in their other records refer to.

Lives here: their versions, those of chains, and those that are the same for every hotel. The modules:

    made        ids, stamps and texts that all have
    spaces      rooms and the categories they are sold by
    rates       rates, segments, age categories, sources
    products    products, and the rules that add them
    accounting  cashiers, counters, departments, exchange rates
    conditions  conditions of sale, agreements with firms, vouchers, devices
    platform    taxes, currencies, countries, languages, loyalty programs
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as chained
from typing import Any

from mews_assets.sandbox.records.entities import key_of
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation.amounts import ENCODER
from mews_assets.sandbox.simulation.hotel import Chain, Hotel
from mews_assets.sandbox.simulation.reference.accounting import accounting_records, exchange_rates
from mews_assets.sandbox.simulation.reference.conditions import condition_records
from mews_assets.sandbox.simulation.reference.made import PLATFORM_BORN
from mews_assets.sandbox.simulation.reference.platform import code_records, loyalty_records, tax_records
from mews_assets.sandbox.simulation.reference.products import product_records
from mews_assets.sandbox.simulation.reference.rates import rate_records, source_records
from mews_assets.sandbox.simulation.reference.spaces import space_records


def platform_versions() -> Iterator[Version]:
    """What is the same for every hotel."""
    yield from _once(chained(source_records(), tax_records(), code_records()), "", PLATFORM_BORN)


def chain_versions(chain: Chain) -> Iterator[Version]:
    yield from _once(loyalty_records(chain), chain.id, PLATFORM_BORN)


def hotel_versions(
    hotel: Hotel, firms: Sequence[str], agencies: Sequence[str], first: int, last: int
) -> Iterator[Version]:
    """What does not change in a hotel, and its exchange rates of each day.

    `firms` and `agencies` are the ids of the chain's companies that book, and that mediate.
    """
    records = chained(
        hotel.reference,
        space_records(hotel),
        rate_records(hotel),
        product_records(hotel),
        accounting_records(hotel),
        condition_records(hotel, firms, agencies),
    )
    yield from _once(records, hotel.id, hotel.opened)
    for stamp, record in exchange_rates(hotel, first, last):
        yield Version("ExchangeRate", record["Id"], hotel.id, stamp, ENCODER.encode(record))


def _once(records: Iterable[tuple[str, dict[str, Any]]], scope: str, stamp: int) -> Iterator[Version]:
    for entity, record in records:
        yield Version(entity, key_of(entity, record), scope, stamp, ENCODER.encode(record))
