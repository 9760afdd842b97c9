"""A simulated hotel and its chain before anything happens in them.

Lives here: `Chain` and `Hotel` with their ids, prices and rooms, made from the seed, and their reference
records (Enterprise, Service, Outlet, AccountingCategory). Not here: anything that changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from mews_assets.sandbox.simulation.amounts import TaxRate, Till
from mews_assets.sandbox.simulation.event_queue import new_id
from mews_assets.sandbox.simulation.instants import DAY, LocalClock, text
from mews_assets.sandbox.simulation.locations import CHAIN_NAMES, HOTEL_WORDS, PLACES, STREETS, Place

CATEGORIES = (  # name, code, ledger account, classification
    ("Accommodation", "ACC", "602100", "Accommodation"),
    ("Breakfast", "BRK", "602210", "FoodAndBeverage"),
    ("Restaurant food", "FOD", "602220", "FoodAndBeverage"),
    ("Beverages", "BEV", "602230", "FoodAndBeverage"),
    ("Minibar", "MIN", "602240", "FoodAndBeverage"),
    ("Wellness", "WEL", "602300", "Wellness"),
    ("Parking", "PRK", "602400", "SundryIncome"),
    ("Cancellation fees", "CXL", "602500", "Accommodation"),
    ("City tax", "CTX", "379100", "Taxes"),
    ("Deposits", "DEP", "324100", "Payments"),
    ("Tips", "TIP", "379200", None),
    ("Cards", "CRD", "261100", "Payments"),
    ("Cash", "CSH", "211100", "Payments"),
    ("Other payments", "OTH", "261200", "Payments"),
    ("City ledger", "INV", "311100", "Payments"),
)
ROOM_KINDS = (("Standard", 1.0, 0.6), ("Superior", 1.3, 0.3), ("Suite", 1.9, 0.1))
"""Name, factor on the usual price, share of the rooms."""


@dataclass(frozen=True)
class Chain:
    index: int
    id: str
    name: str


@dataclass(frozen=True)
class Product:
    """A product of the additional service; `price` in minor units."""

    id: str
    name: str
    category: str
    price: int
    tax: TaxRate


@dataclass(frozen=True)
class Hotel:
    """`kinds` are (resource category id, price factor); room number r is of kind `kind_of[r]`."""

    index: int
    id: str
    name: str
    chain: Chain
    place: Place
    clock: LocalClock
    till: Till
    stay_service: str
    extras_service: str
    outlets: tuple[tuple[str, str], ...]
    categories: dict[str, str]
    kinds: tuple[tuple[str, float], ...]
    kind_of: tuple[int, ...]
    room_ids: tuple[str, ...]
    rates: tuple[str, ...]
    adult: str
    child: str
    breakfast: Product
    products: tuple[Product, ...]
    staff: tuple[str, ...]
    robot: str
    segments: tuple[str, ...]
    counter: str
    walk_in: str
    opened: int
    reference: list[tuple[str, dict[str, Any]]] = field(repr=False)


def make_chain(seed: int, index: int) -> Chain:
    name = CHAIN_NAMES[index % len(CHAIN_NAMES)]
    again = index // len(CHAIN_NAMES)
    return Chain(index, new_id(Random(f"{seed}/chain/{index}")), f"{name} {again + 1}" if again else name)  # noqa: S311


def make_hotel(seed: int, index: int, chain: Chain, rooms: int, first: int) -> Hotel:
    """The hotel of this index; it was opened three years before `first`."""
    rng = Random(f"{seed}/hotel/{index}")  # noqa: S311  (repeatable, nothing secret)
    place = PLACES[index % len(PLACES)]
    word = HOTEL_WORDS[index % len(HOTEL_WORDS)]
    again = index // len(PLACES)
    name = f"The {word} {place.town}" + (f" {again + 1}" if again else "")
    room_count = max(4, rooms + rng.randint(-rooms // 8, rooms // 8))
    till = Till(place.currency, place.precision, place.gross_pricing)
    kind_of = tuple(
        0 if r < room_count * 0.6 else 1 if r < room_count * 0.9 else 2 for r in range(room_count)
    )

    def product(label: str, category: str, share: float, tax: TaxRate) -> Product:
        price = till.whole(max(1, round(place.room_price * share)))
        return Product(new_id(rng), label, category, price, tax)

    hotel = Hotel(
        index=index,
        id=new_id(rng),
        name=name,
        chain=chain,
        place=place,
        clock=LocalClock(place.zone),
        till=till,
        stay_service=new_id(rng),
        extras_service=new_id(rng),
        outlets=((new_id(rng), f"{word} Restaurant"), (new_id(rng), f"{word} Bar")),
        categories={category[0]: new_id(rng) for category in CATEGORIES},
        kinds=tuple((new_id(rng), kind[1]) for kind in ROOM_KINDS),
        kind_of=kind_of,
        room_ids=tuple(new_id(rng) for _ in range(room_count)),
        rates=tuple(new_id(rng) for _ in range(4)),
        adult=new_id(rng),
        child=new_id(rng),
        breakfast=product("Breakfast", "Breakfast", 0.12, place.food_tax),
        products=(
            product("Minibar", "Minibar", 0.07, place.drink_tax),
            product("Massage", "Wellness", 0.45, place.drink_tax),
            product("Garage, one night", "Parking", 0.14, place.drink_tax),
        ),
        staff=tuple(new_id(rng) for _ in range(6)),
        robot=new_id(rng),
        segments=tuple(new_id(rng) for _ in range(3)),
        counter=new_id(rng),
        walk_in=new_id(rng),
        opened=first - 3 * 365 * DAY,
        reference=[],
    )
    hotel.reference.extend(_reference(hotel, rng))
    return hotel


def _reference(hotel: Hotel, rng: Random) -> list[tuple[str, dict[str, Any]]]:
    """The records that come first: (entity, record)."""
    born = {"CreatedUtc": text(hotel.opened), "UpdatedUtc": text(hotel.opened)}
    records: list[tuple[str, dict[str, Any]]] = [("Enterprise", _enterprise(hotel, rng) | born)]
    day = {
        "StartOffset": "P0M0DT15H0M0S",
        "EndOffset": "P0M1DT11H0M0S",
        "OccupancyStartOffset": "P0M0DT0H0M0S",
        "OccupancyEndOffset": "P0M1DT0H0M0S",
        "TimeUnitPeriod": "Day",
    }
    offers = {"Promotions": {"BeforeCheckIn": False, "DuringStay": True, "BeforeCheckOut": False}}
    services: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        (hotel.stay_service, "Stay", "Bookable", day),
        (hotel.extras_service, "Extras", "Additional", offers),
    )
    for ordering, (id, name, kind, value) in enumerate(services):
        record = {
            "Id": id,
            "EnterpriseId": hotel.id,
            "IsActive": True,
            "Names": {hotel.place.language: name},
            "Options": {"BillAsPackage": False},
            "Ordering": ordering,
            "Data": {"Discriminator": kind, "Value": value},
            "ExternalIdentifier": None,
            "Name": name,
            "Type": "Reservable" if kind == "Bookable" else "Orderable",
        }
        records.append(("Service", record | born))
    for id, name in hotel.outlets:
        records.append(
            ("Outlet", {"Id": id, "IsActive": True, "Name": name, "EnterpriseId": hotel.id} | born)
        )
    for name, code, account, classification in CATEGORIES:
        record = {
            "Id": hotel.categories[name],
            "EnterpriseId": hotel.id,
            "IsActive": True,
            "Name": name,
            "Code": code,
            "ExternalCode": None,
            "LedgerAccountCode": account,
            "PostingAccountCode": account if classification else None,
            "CostCenterCode": None,
            "Classification": classification,
        }
        records.append(("AccountingCategory", record | born))
    return records


def _enterprise(hotel: Hotel, rng: Random) -> dict[str, Any]:
    place, address = hotel.place, new_id(rng)
    site = hotel.name.lower().replace(" ", "-").replace("'", "")
    return {
        "Id": hotel.id,
        "ExternalIdentifier": f"H{hotel.index + 1:03d}",
        "HoldingKey": None,
        "ChainId": hotel.chain.id,
        "ChainName": hotel.chain.name,
        "Name": hotel.name,
        "ShortName": None,
        "TimeZoneIdentifier": place.zone,
        "LegalEnvironmentCode": place.country,
        "AccommodationEnvironmentCode": place.country,
        "AccountingEnvironmentCode": place.country,
        "TaxEnvironmentCode": place.country,
        "DefaultLanguageCode": place.language,
        "EditableHistoryInterval": "P0M7DT0H0M0S",
        "AccountingEditableHistoryInterval": "P0M7DT0H0M0S",
        "OperationalEditableHistoryInterval": "P0M1DT0H0M0S",
        "BusinessDayClosingOffset": "P0M0DT2H0M0S" if hotel.index % 2 else None,
        "WebsiteUrl": f"https://{site}.example.com",
        "Email": f"{site}@example.com",
        "Phone": f"+00 555 01{hotel.index % 100:02d}",
        "LogoImageId": None,
        "CoverImageId": None,
        "Pricing": "Gross" if place.gross_pricing else "Net",
        "TaxPrecision": place.tax_precision,
        "AddressId": address,
        "Address": {
            "Id": address,
            "Line1": f"{rng.randint(1, 99)} {rng.choice(STREETS)}",
            "Line2": None,
            "City": place.town,
            "PostalCode": f"{rng.randint(10000, 99999)}",
            "CountryCode": place.country,
            "CountrySubdivisionCode": None,
            "Latitude": place.latitude,
            "Longitude": place.longitude,
        },
        "GroupNames": [],
        "Subscription": {"TaxIdentifier": f"{place.country}{rng.randint(10**8, 10**9 - 1)}"},
        "LinkedUtc": text(hotel.opened),
    }
