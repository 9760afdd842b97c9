"""The records of the load run: hotels whose records change every hour, their tokens, and the faults of a day.

Lives here: records, tokens, periods of faults. Not here: running anything (`load_system`).
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mews_assets.catalog import partners
from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import ScopeKind
from mews_assets.sandbox.clock import SECOND_US, to_micros, write_micros
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.server.access_control import CLIENT_TOKEN, Access, Authenticator
from mews_assets_tests.chaos.faults import EXPORT_OUTCOMES, FaultPeriod
from mews_assets_tests.sandbox.made import made_id

START = datetime(2024, 6, 3, tzinfo=UTC)
HOUR_US = 3600 * SECOND_US
HOTELS_OF_A_CHAIN = 20
OLD = "2024-01-01T00:00:00Z"

LIGHT_FAULTS = {
    "429 with Retry-After": 0.005,
    "429 without Retry-After": 0.005,
    "500, 502 or 503": 0.01,
    "connection refused": 0.01,
    "connection reset": 0.01,
    "answer lost": 0.01,
    "answer cut off": 0.01,
    "slow answer": 0.005,
    "download cut off": 0.1,
    "download ends early": 0.05,
    "slow download": 0.02,
    "link dies mid-download": 0.02,
    "wrong SizeInBytes": 0.02,
    "unknown status": 0.02,
    "export left out": 0.005,
} | dict.fromkeys(set(EXPORT_OUTCOMES) - {"export is stuck"}, 0.01)
"""All day long, by chance each time it could strike. Not among them: an export that stays pending, for that one holds
its place at Mews for a day; and lines corrupted in transit, which need a lake of lines that are equally long."""
HEAVY_FAULTS = {
    "500, 502 or 503": 0.9,
    "connection refused": 1.0,
    "429 with Retry-After": 0.5,
    "answer stalls": 0.3,
    "gzip corrupted": 0.3,
    "answer garbled": 0.3,
    "401 for a while": 0.5,
}
PERIOD_US = 20 * 60 * SECOND_US


@dataclass(frozen=True)
class Hotel:
    """One hotel, and the service its reservations are made for."""

    id: str
    chain: str
    service: str


def hotels_of(count: int) -> list[Hotel]:
    return [
        Hotel(
            made_id(f"hotel {n}"),
            made_id(f"chain {n // HOTELS_OF_A_CHAIN}"),
            made_id(f"service of hotel {n}"),
        )
        for n in range(count)
    ]


def faults_of(hours: int, rng: random.Random) -> list[FaultPeriod]:
    """Light faults all day, and each heavy period once, between the second hour and the last but one."""
    start, end = to_micros(START), to_micros(START) + (hours + 1) * HOUR_US
    periods = [FaultPeriod(kind, start, end, chance) for kind, chance in sorted(LIGHT_FAULTS.items())]
    for kind, chance in HEAVY_FAULTS.items():
        if hours > 3:
            at = start + rng.randrange(2 * HOUR_US, (hours - 1) * HOUR_US)
            periods.append(FaultPeriod(kind, at, at + PERIOD_US, chance))
    return periods


def versions_of(
    hotels: list[Hotel], families: tuple[str, ...], hours: int, each: int, rng: random.Random
) -> Iterator[Version]:
    """The hotels, then hour by hour what changes there: `each` records of every table in every hotel."""
    for n, hotel in enumerate(hotels):
        record = {"Id": hotel.id, "ChainId": hotel.chain, "Name": f"Hotel {n}", "UpdatedUtc": OLD}
        yield _version("Enterprise", hotel.id, 0, record)
        bookable = {"Data": {"Discriminator": "Bookable"}, "EnterpriseId": hotel.id, "UpdatedUtc": OLD}
        yield _version("Service", hotel.id, 0, {"Id": hotel.service, **bookable})
    for hour in range(hours):
        start = to_micros(START) + hour * HOUR_US
        for family in families:
            for hotel in hotels:
                stamps = sorted(start + rng.randrange(3600) * SECOND_US for _ in range(each))
                for stamp in stamps:
                    yield from _changed(family, hotel, stamp, rng)


def _changed(family: str, hotel: Hotel, stamp: int, rng: random.Random) -> Iterator[Version]:
    table, record_id = table_of(family), str(uuid.UUID(int=rng.getrandbits(128), version=4))
    scope = hotel.chain if table.scope is ScopeKind.CHAIN else hotel.id
    owner = {"EnterpriseId": hotel.id, "ChainId": hotel.chain, "ServiceId": hotel.service, None: ""}
    body: dict[str, Any] = {"Id": record_id, "UpdatedUtc": write_micros(stamp), "Name": "x" * 200}
    if table.scope_column is not None:
        body[table.scope_column] = owner[table.scope_column]
    yield _version(table.entity, scope, stamp, body)
    if table.entity == "OutletBill":
        item = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        yield _version("OutletItem", scope, stamp, {**body, "Id": item, "BillId": record_id})


def _version(entity: str, scope: str, stamp: int, body: dict[str, Any]) -> Version:
    return Version(entity, body["Id"], scope, stamp, json.dumps(body, separators=(",", ":")).encode())


def door_of(hotels: list[Hotel], own_tokens: int) -> Authenticator:
    """A token of its own for the last so many hotels; one for all the others."""
    shared = hotels[: len(hotels) - own_tokens]
    accesses = {}
    if shared:
        accesses["token of the portfolio"] = _access("portfolio", shared)
    for n, hotel in enumerate(hotels[len(shared) :], 1):
        accesses[f"token of hotel {n}"] = _access(f"hotel-{n}", [hotel])
    return Authenticator(accesses, CLIENT_TOKEN)


def _access(name: str, hotels: list[Hotel]) -> Access:
    return Access(name, frozenset(one.id for one in hotels), frozenset(one.chain for one in hotels))


def tables_of(families: tuple[str, ...]) -> list[str]:
    return [table.name for family in families for table in partners(table_of(family))]
