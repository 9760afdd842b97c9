"""Products of the simulated hotels, and the rules that add them.

Lives here: records of ProductCategory, Product, Rule and RuleAction. Not here: who orders them (`stays.extras`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mews_assets.sandbox.simulation.amounts import UNTAXED, raw
from mews_assets.sandbox.simulation.hotel import Hotel, Product
from mews_assets.sandbox.simulation.reference.made import born, record_id, texts

Records = Iterator[tuple[str, dict[str, Any]]]
_FOOD = ("Breakfast", "Minibar")


def product_records(hotel: Hotel) -> Records:
    night = Product(record_id(hotel, "night product"), "Night", "Accommodation", 0, UNTAXED)
    for name, service in (("Meals", hotel.stay_service), ("Extras", hotel.extras_service)):
        yield (
            "ProductCategory",
            {
                "Id": record_id(hotel, f"product category {name}"),
                "EnterpriseId": hotel.id,
                "ServiceId": service,
                "Names": texts(hotel, name),
                "ShortNames": texts(hotel, name[:3]),
                "Descriptions": texts(hotel, name),
                "ParentProductCategory": None,
                "Ordering": 0,
            }
            | born(hotel),
        )
    yield "Product", _product(hotel, night, hotel.stay_service, None, 0)
    yield "Product", _product(hotel, hotel.breakfast, hotel.stay_service, "Meals", 1)
    for ordering, product in enumerate(hotel.products, 2):
        yield "Product", _product(hotel, product, hotel.extras_service, "Extras", ordering)
    yield from _rules(hotel)


def _product(
    hotel: Hotel, product: Product, service: str, category: str | None, ordering: int
) -> dict[str, Any]:
    is_night = category is None
    mode = "PerTimeUnit" if is_night else "PerPersonPerTimeUnit" if category == "Meals" else "Once"
    return {
        "Id": product.id,
        "ServiceId": service,
        "CategoryId": None if is_night else record_id(hotel, f"product category {category}"),
        "AccountingCategoryId": hotel.categories[product.category],
        "IsActive": True,
        "Names": texts(hotel, product.name),
        "ExternalNames": texts(hotel, product.name),
        "ShortNames": texts(hotel, product.name[:3]),
        "Descriptions": None,
        "ChargingMode": mode,
        "PostingMode": "Once" if mode == "Once" else "PerTimeUnit",
        "Options": {"BillAsPackage": False, "ExcludePriceFromOffer": False},
        "Promotions": {
            "BeforeCheckIn": False,
            "AfterCheckIn": False,
            "DuringStay": not is_night,
            "BeforeCheckOut": False,
            "AfterCheckOut": False,
            "DuringCheckOut": False,
        },
        "Classifications": {
            "Food": product.category in _FOOD,
            "Beverage": product.category == "Minibar",
            "Wellness": product.category == "Wellness",
            "CityTax": False,
            "Fee": False,
        },
        "Price": raw(hotel.till.price((product.price, product.tax))),
        "ImageIds": None,
        "Ordering": ordering,
        "ExternalIdentifier": None,
        "TaxExemptionReason": None,
        "TaxExemptionLegalReference": None,
        "ConsumptionMoment": "NextTimeUnit" if category == "Meals" else "PostingTimeUnit",
        "IsDefault": is_night,
        "Name": product.name,
        "ExternalName": product.name,
        "ShortName": product.name[:3],
        "Description": None,
        "Charging": mode,
        "Posting": "Once" if mode == "Once" else "Daily",
        "Pricing": {},
    } | born(hotel)


def _rules(hotel: Hotel) -> Records:
    """Breakfast is added to corporate stays of at least two nights."""
    rule = record_id(hotel, "rule of breakfast")
    conditions: dict[str, Any] = dict.fromkeys(
        (
            *("RateGroupId", "BusinessSegmentId", "ResourceCategoryId", "ResourceCategoryType"),
            *("Origin", "TravelAgencyId", "MaximumTimeUnitCount"),
        )
    )
    conditions |= {
        "RateId": {"Value": hotel.rates[2], "ConditionType": "Equals"},
        "MinimumTimeUnitCount": 2,
    }
    yield "Rule", {"Id": rule, "ServiceId": hotel.stay_service, "Conditions": conditions} | born(hotel)
    action = {"ActionType": "Add", "ProductId": hotel.breakfast.id}
    yield (
        "RuleAction",
        {
            "Id": record_id(hotel, "adding breakfast"),
            "RuleId": rule,
            "Data": {"Discriminator": "Product", "Value": action},
        },
    )
