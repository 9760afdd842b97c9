"""What is the same for every hotel: taxes, currencies, countries, languages; and the loyalty programs of chains.

Lives here: records of Taxation, TaxRate, TaxEnvironment, Currency, Country, CountrySubdivision, CountryRules,
CountryGroup, Language, LoyaltyProgram and LoyaltyTier. The tax rates are those that the simulated amounts name.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from mews_assets.sandbox.simulation.amounts import RATE_SCALE
from mews_assets.sandbox.simulation.event_queue import new_id
from mews_assets.sandbox.simulation.hotel import Chain
from mews_assets.sandbox.simulation.instants import text
from mews_assets.sandbox.simulation.locations import PLACES
from mews_assets.sandbox.simulation.reference.made import PLATFORM_BORN

Records = Iterator[tuple[str, dict[str, Any]]]
_COUNTRIES = {
    "CZ": "Czechia", "GB": "United Kingdom", "US": "United States", "DE": "Germany", "JP": "Japan",
    "PT": "Portugal", "AU": "Australia", "SE": "Sweden", "CA": "Canada", "CH": "Switzerland", "DK": "Denmark",
    "NZ": "New Zealand", "FR": "France", "IT": "Italy", "ES": "Spain", "PL": "Poland", "NL": "Netherlands",
}  # fmt: skip
_SCHENGEN = ("CZ", "DE", "PT", "SE", "CH", "DK", "FR", "IT", "ES", "PL", "NL")


def tax_records() -> Records:
    """The taxes of each country, and the environment that has them."""
    for place in PLACES:
        rates = {rate.code: rate for rate in (place.stay_tax, place.food_tax, place.drink_tax)}
        taxation = next(iter(rates)).rpartition("-")[0]  # type: ignore[union-attr]
        name = f"Value added tax of {_COUNTRIES[place.country]}"
        yield "Taxation", {"Code": taxation, "Name": name, "LocalName": name}
        for code, rate in rates.items():
            yield (
                "TaxRate",
                {
                    "Code": code,
                    "TaxationCode": taxation,
                    "Value": rate.rate / RATE_SCALE,
                    "ValidityInvervalsUtc": [{"StartUtc": text(PLATFORM_BORN), "EndUtc": None}],
                    "Strategy": {
                        "Discriminator": "Relative",
                        "Value": {"BaseTaxationCodes": [], "Value": rate.rate / RATE_SCALE},
                    },
                },
            )
        yield (
            "TaxEnvironment",
            {
                "Code": place.country,
                "CountryCode": place.country,
                "ValidityStartUtc": text(PLATFORM_BORN),
                "ValidityEndUtc": None,
                "TaxationCodes": [taxation],
            },
        )


def code_records() -> Records:
    digits = {"EUR": 2, "USD": 2, "GBP": 2} | {place.currency: place.digits for place in PLACES}
    for currency, precision in digits.items():
        yield "Currency", {"Code": currency, "Precision": precision}
    for code, name in _COUNTRIES.items():
        yield "Country", {"Code": code, "SovereignCountryCode": code, "EnglishName": name}
    for code, country, name in (("US-NY", "US", "New York"), ("CA-ON", "CA", "Ontario")):
        yield "CountrySubdivision", {"Code": code, "CountryCode": country, "EnglishName": name}
    yield (
        "CountryRules",
        {
            "CountryCode": "IT",
            "IdentityCardExpirationDateNotRequired": True,
            "DriverLicenceExpirationDateNotRequired": False,
        },
    )
    group = {"Code": "Schengen", "EnglishName": "Schengen area", "CountryCodes": list(_SCHENGEN)}
    yield "CountryGroup", group
    for code in dict.fromkeys(("en-US", *(place.language for place in PLACES))):
        fallback = None if code == "en-US" else "en-US"
        record = {"Code": code, "FallbackLanguageCode": fallback, "EnglishName": code, "LocalName": code}
        yield "Language", record


def loyalty_records(chain: Chain) -> Records:
    program = loyalty_id(chain, "program")
    yield (
        "LoyaltyProgram",
        {
            "Id": program,
            "ChainId": chain.id,
            "Name": f"Friends of {chain.name}",
            "Code": f"F{chain.index + 1}",
            "Type": "Hotel",
            "Subscription": "Free",
        },
    )
    for ordering, name in enumerate(("Bronze", "Silver", "Gold")):
        yield (
            "LoyaltyTier",
            {
                "Id": loyalty_id(chain, f"tier {name}"),
                "LoyaltyProgramId": program,
                "Name": name,
                "Code": name[0],
                "Ordering": ordering,
            },
        )


def loyalty_id(chain: Chain, what: str) -> str:
    """The id of the chain's loyalty program, or of one of its tiers."""
    return new_id(Random(f"{chain.id}/{what}"))  # noqa: S311
