"""Locations of the simulated hotels: towns with their time zone, currency and taxes, and made-up names.

Lives here: plain data. The names are invented; tax rates and city taxes are of the right size for the
country, not a statement of its law.
"""

from __future__ import annotations

from dataclasses import dataclass

from mews_assets.sandbox.simulation.amounts import TaxRate


@dataclass(frozen=True, slots=True)
class Place:
    """`room_price` is a usual night in whole units of the currency, `city_tax` is per person and stay in
    units.

    `digits` are the currency's decimals; `tax_precision` is what the enterprise states, None being the
    currency's.
    """

    town: str
    country: str
    zone: str
    language: str
    currency: str
    digits: int
    tax_precision: int | None
    gross_pricing: bool
    stay_tax: TaxRate
    food_tax: TaxRate
    drink_tax: TaxRate
    room_price: int
    city_tax: int
    latitude: float
    longitude: float

    @property
    def precision(self) -> int:
        return self.digits if self.tax_precision is None else self.tax_precision


def _rates(country: str, stay: int, food: int, drink: int) -> tuple[TaxRate, TaxRate, TaxRate]:
    """The three rates (1/1000 per cent) under codes that tell equal rates to be the same one."""
    names = {rate: f"{country}-{letter}" for rate, letter in ((stay, "H"), (food, "R"), (drink, "S"))}
    return TaxRate(names[stay], stay), TaxRate(names[food], food), TaxRate(names[drink], drink)


PLACES = (
    Place("Prague", "CZ", "Europe/Prague", "cs-CZ", "CZK", 2, 2, True,
          *_rates("CZ", 12_000, 12_000, 21_000), 2600, 50, 50.0875, 14.4213),
    Place("London", "GB", "Europe/London", "en-GB", "GBP", 2, 4, True,
          *_rates("GB", 20_000, 20_000, 20_000), 165, 0, 51.5072, -0.1276),
    Place("New York", "US", "America/New_York", "en-US", "USD", 2, 2, False,
          *_rates("US-NY", 14_750, 8_875, 8_875), 240, 3, 40.7128, -74.006),
    Place("Berlin", "DE", "Europe/Berlin", "de-DE", "EUR", 2, None, True,
          *_rates("DE", 7_000, 7_000, 19_000), 120, 4, 52.52, 13.405),
    Place("Tokyo", "JP", "Asia/Tokyo", "ja-JP", "JPY", 0, None, True,
          *_rates("JP", 10_000, 8_000, 10_000), 19_500, 200, 35.6764, 139.65),
    Place("Lisbon", "PT", "Europe/Lisbon", "pt-PT", "EUR", 2, 2, True,
          *_rates("PT", 6_000, 13_000, 23_000), 110, 4, 38.7223, -9.1393),
    Place("Sydney", "AU", "Australia/Sydney", "en-AU", "AUD", 2, 2, True,
          *_rates("AU", 10_000, 10_000, 10_000), 230, 0, -33.8688, 151.2093),
    Place("Stockholm", "SE", "Europe/Stockholm", "sv-SE", "SEK", 2, 2, True,
          *_rates("SE", 12_000, 12_000, 25_000), 1500, 0, 59.3293, 18.0686),
    Place("Toronto", "CA", "America/Toronto", "en-CA", "CAD", 2, 4, False,
          *_rates("CA-ON", 13_000, 13_000, 13_000), 210, 0, 43.6532, -79.3832),
    Place("Zurich", "CH", "Europe/Zurich", "de-CH", "CHF", 2, 2, True,
          *_rates("CH", 3_800, 2_600, 8_100), 190, 3, 47.3769, 8.5417),
    Place("Copenhagen", "DK", "Europe/Copenhagen", "da-DK", "DKK", 2, None, True,
          *_rates("DK", 25_000, 25_000, 25_000), 1100, 0, 55.6761, 12.5683),
    Place("Auckland", "NZ", "Pacific/Auckland", "en-NZ", "NZD", 2, 2, False,
          *_rates("NZ", 15_000, 15_000, 15_000), 220, 0, -36.8509, 174.7645),
)  # fmt: skip

HOTEL_WORDS = (
    "Lantern", "Gilded Heron", "Copper Kettle", "Quiet Harbour", "Linden", "Paper Moon", "Old Observatory",
    "Seven Bridges", "Marble Fox", "Blue Orchard", "Clockmaker's", "Wandering Swan", "Velvet Anchor",
    "Tall Poppy",
)  # fmt: skip

CHAIN_NAMES = (
    "Larkspur & Vane Hotels", "Nordwind Houses", "Amberfield Collection", "Saltmarsh Stays",
    "Tin Roof Hospitality", "Meridian Oak Group", "Second Star Hotels", "Kestrel Lodging",
)  # fmt: skip

STREETS = ("Orchard Lane", "Mill Street", "Station Road", "Harbour Walk", "Chestnut Row", "Market Square")
