"""Guests and companies: the profiles of a chain, which sometimes change.

Lives here: made-up names, Customer and Company records, the chain's own profiles (companies and loyal guests), and the
guests of a hotel. Only the event queue that made a profile changes it.
"""

from __future__ import annotations

from random import Random
from typing import Any

from mews_assets.sandbox.simulation.derived import Derived
from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue, new_id
from mews_assets.sandbox.simulation.hotel import Chain, Hotel
from mews_assets.sandbox.simulation.instants import DAY, next_midnight, text
from mews_assets.sandbox.simulation.locations import STREETS

FIRST_NAMES = (
    "Avelin", "Brisa", "Cormo", "Delphin", "Elwood", "Fenna", "Gisco", "Halva", "Ildiko", "Jorah", "Kelda",
    "Lumen", "Mirtha", "Nerio", "Ottoline", "Perrin", "Quilla", "Rufio", "Sunniva", "Tamsin", "Ulla",
    "Vesper", "Wilmot", "Xanthe", "Yorick", "Zéphyrine",
)  # fmt: skip
LAST_NAMES = (
    "Applethwaite", "Brambleby", "Candlewick", "Dunkelstern", "Emberley", "Fotherwhistle", "Glasswater",
    "Hollowood", "Inkpen", "Jasperson", "Kettlewell", "Löwenmut", "Mossgrave", "Nettlefield", "Oakenshaw",
    "Pebblebrook", "Quillfeather", "Ravensong", "Sandoval-Brook", "Thistledown", "Underhill", "Vlnařová",
    "Whistlecroft", "Yarrowby", "Zimtstern",
)  # fmt: skip
COMPANY_WORDS = (
    "Umbrella Stand", "Paperclip", "Ninth Wave", "Teapot", "Lighthouse", "Cogwheel", "Snowglobe",
    "Pinecone",
)  # fmt: skip
COMPANY_KINDS = ("Trading", "Logistics", "Travel", "Consulting", "Tours", "Works")
NATIONS = ("CZ", "GB", "US", "DE", "FR", "IT", "ES", "PL", "NL", "JP", "AU", "SE")

COMPANIES = 12
"""Companies of one chain; the last third are travel agencies."""
LOYAL_GUESTS = 40
"""Loyal guests of one chain, who may book in any of its hotels."""


def customer(rng: Random, chain: Chain, number: int, created: int, author: str) -> Entry:
    """A profile with the data of a booking: a name, often an e-mail address, seldom more."""
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    luck = rng.random()
    email = None if luck < 0.15 else f"guest{number}@example.com"
    record: dict[str, Any] = {
        "Id": new_id(rng),
        "ChainId": chain.id,
        "Number": str(number),
        "Title": rng.choice((None, "Mister", "Misses")),
        "Sex": None,
        "FirstName": first if luck < 0.97 else None,
        "LastName": last,
        "SecondLastName": None,
        "NationalityCode": rng.choice(NATIONS) if luck > 0.4 else None,
        "PreferredLanguageCode": None,
        "LanguageCode": None,
        "BirthDate": None,
        "BirthCountryCode": None,
        "BirthCountrySubdivisionCode": None,
        "BirthPlace": None,
        "Occupation": None,
        "Email": email,
        "HasOtaEmail": luck > 0.7,
        "Phone": f"+00 555 {number % 10_000:04d}" if luck > 0.5 else None,
        "TaxIdentificationNumber": None,
        "LoyaltyCode": None,
        "AccountingCode": None,
        "BillingCode": None,
        "Notes": "Prefers a quiet room,\n\"far\" from the lift" if luck > 0.96 else None,
        "CarRegistrationNumber": None,
        "DietaryRequirements": None,
        "CreatedUtc": text(created),
        "UpdatedUtc": text(created),
        "Passport": None,
        "IdentityCard": None,
        "Visa": None,
        "DriversLicense": None,
        "Address": None,
        "AddressId": None,
        "Classifications": [],
        "Options": ["SendMarketingEmails"] if luck > 0.6 else [],
        "ItalianDestinationCode": None,
        "ItalianFiscalCode": None,
        "ItalianLotteryCode": None,
        "CompanyId": None,
        "MergeTargetId": None,
        "IsActive": True,
        "ActivityState": "Active",
        "PreferredSpaceFeatures": ["HighFloor"] if luck > 0.95 else [],
        "CreatorProfileId": author,
        "UpdaterProfileId": author,
    }  # fmt: skip
    return Entry("Customer", chain.id, record)


def address(rng: Random, account: str, chain: Chain, country: str) -> dict[str, Any]:
    """An address as bills quote it."""
    return {
        "Id": new_id(rng),
        "AccountId": account,
        "ChainId": chain.id,
        "AccountType": "Customer",
        "Line1": f"{rng.randint(1, 120)} {rng.choice(STREETS)}",
        "Line2": None,
        "City": "Exampleton",
        "PostalCode": f"{rng.randint(10_000, 99_999)}",
        "CountryCode": country,
        "CountrySubdivisionCode": None,
        "Latitude": None,
        "Longitude": None,
        "IsActive": True,
    }


def company(rng: Random, chain: Chain, number: int, created: int) -> Entry:
    word = COMPANY_WORDS[number % len(COMPANY_WORDS)]
    agency = number > COMPANIES * 2 // 3
    trade = "Travel" if agency else rng.choice(COMPANY_KINDS)
    name = f"{word} {trade} {rng.choice(('Ltd', 's.r.o.', 'GmbH', 'Inc.'))}"
    record: dict[str, Any] = {
        "Id": new_id(rng),
        "ChainId": chain.id,
        "Name": name,
        "MotherCompanyId": None,
        "InvoicingEmail": f"invoices{number}@example.com" if number % 4 else None,
        "WebsiteUrl": None,
        "InvoiceDueInterval": "P0M14DT0H0M0S" if number % 3 else None,
        "Options": {
            "Invoiceable": True,
            "AddFeesToInvoices": False,
            "AddTaxDeductedPaymentToInvoices": False,
        },
        "CreditRating": {"Basic": "CreditOk" if number % 5 else None},
        "Department": None,
        "DunsNumber": None,
        "ReferenceIdentifier": None,
        "AccountingCode": f"C{number:04d}",
        "AdditionalTaxIdentifier": None,
        "BillingCode": None,
        "Contact": None,
        "ContactPerson": None,
        "ElectronicInvoiceIdentifier": None,
        "Identifier": None,
        "Iata": f"{96_000_000 + number}" if agency else None,
        "IsActive": True,
        "Notes": None,
        "Number": number,
        "TaxIdentifier": f"XX{rng.randint(10**8, 10**9 - 1)}" if number % 2 else None,
        "TaxIdentificationNumber": None,
        "Telephone": None,
        "CreatedUtc": text(created),
        "UpdatedUtc": text(created),
        "AddressId": None,
        "Address": None,
        "MergeTargetId": None,
        "ExternalIdentifier": None,
    }
    return Entry("Company", chain.id, record)


class ChainLife:
    """The chain's own profiles. Hotels read them; only the chain's event queue changes them."""

    def __init__(self, chain: Chain, seed: int, first: int, last: int) -> None:
        rng = Random(f"{seed}/chain/{chain.index}/life")  # noqa: S311
        self._queue = EventQueue(rng, last, Derived(chain))
        self._last = last
        author = new_id(rng)
        begun = first - 2 * 365 * DAY
        self.companies = [company(rng, chain, n + 1, begun) for n in range(COMPANIES)]
        self.guests = [customer(rng, chain, n + 1, begun, author) for n in range(LOYAL_GUESTS)]
        for guest in self.guests:
            guest.record["LoyaltyCode"] = f"L{guest.record['Number']:0>6}"
            guest.record["Classifications"] = ["LoyaltyProgram", "Returning"]
        for number, entry in enumerate([*self.companies, *self.guests]):
            self._queue.plan(begun + number * DAY, self._begin, entry)
        self._queue.plan(first, self._change)

    @property
    def agencies(self) -> list[Entry]:
        return self.companies[COMPANIES * 2 // 3 :]

    @property
    def queue(self) -> EventQueue:
        return self._queue

    def _begin(self, entry: Entry) -> None:
        """Make the profile: one a day, long before the first day."""
        entry.record["CreatedUtc"] = text(self._queue.now)
        self._queue.write(entry)

    def _change(self) -> None:
        """Change some profiles, and plan the next day; the nightly clean-up is stamped exactly at midnight."""
        queue, rng = self._queue, self._queue.rng
        guest, firm = rng.choice(self.guests), rng.choice(self.companies)
        when = next_midnight(queue.now) if queue.chance(0.3) else queue.between(queue.now, queue.now + DAY)
        if queue.chance(0.8):
            queue.plan(when, self._renew_guest, guest)
        if queue.chance(0.25):
            queue.plan(when, self._renew_company, firm)
        queue.plan(next_midnight(queue.now), self._change)

    def _renew_guest(self, guest: Entry) -> None:
        rng = self._queue.rng
        if self._queue.chance(0.5):
            guest.record["Phone"] = f"+00 555 {rng.randrange(10_000):04d}"
        else:
            guest.record["Classifications"] = ["LoyaltyProgram", "Returning", "Important"]
        self._queue.write(guest)

    def _renew_company(self, firm: Entry) -> None:
        firm.record["ContactPerson"] = (
            self._queue.rng.choice(FIRST_NAMES) + " " + self._queue.rng.choice(LAST_NAMES)
        )
        firm.record["Telephone"] = f"+00 555 {self._queue.rng.randrange(10_000):04d}"
        self._queue.write(firm)


class Guests:
    """The guests of one hotel: new ones, and the chain's loyal ones."""

    def __init__(self, hotel: Hotel, queue: EventQueue, chain: ChainLife) -> None:
        self._hotel = hotel
        self._queue = queue
        self._chain = chain
        self._next = (hotel.index + 1) * 1_000_000

    def booker(self) -> tuple[Entry, bool]:
        """The guest who books, and whether the hotel may change the profile."""
        if self._queue.chance(0.12):
            return self._queue.rng.choice(self._chain.guests), False
        self._next += 1
        guest = customer(
            self._queue.rng,
            self._hotel.chain,
            self._next,
            self._queue.now,
            self._queue.rng.choice(self._hotel.staff),
        )
        self._queue.write(guest)
        return guest, True

    def employer(self) -> Entry:
        return self._queue.rng.choice(self._chain.companies[: COMPANIES * 2 // 3])

    def agency(self) -> Entry:
        return self._queue.rng.choice(self._chain.agencies)

    def register(self, guest: Entry) -> None:
        """Complete the profile with the data of the registration card."""
        rng, record = self._queue.rng, guest.record
        record["NationalityCode"] = record["NationalityCode"] or rng.choice(NATIONS)
        record["BirthDate"] = f"{rng.randint(1945, 2005)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        record["Sex"] = {"Mister": "Male", "Misses": "Female"}.get(record["Title"] or "")
        record["CarRegistrationNumber"] = f"EX {rng.randint(1000, 9999)}" if rng.random() < 0.2 else None
        place = address(rng, guest.id, self._hotel.chain, record["NationalityCode"])
        record["AddressId"] = place["Id"]
        record["UpdaterProfileId"] = rng.choice(self._hotel.staff)
        self._queue.write(guest)

    def merge(self, guest: Entry) -> None:
        """The profile turns out to be a duplicate of a known guest's, and is merged."""
        guest.record["MergeTargetId"] = self._queue.rng.choice(self._chain.guests).id
        guest.record["IsActive"] = False
        guest.record["ActivityState"] = "Deleted"
        self._queue.write(guest)
