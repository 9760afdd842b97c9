"""A customer planted all over a lake, and what of the lake holds a text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mews_assets import catalog
from mews_assets.catalog.privacy import Pii, Privacy
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.conversion.check_file import open_lines
from mews_assets.lake.current.update import update_current
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import NORTH, at, days, json_line, land, stamp

ANNA, ELSE, ONCE = (f"{first}0ffee-1111-4222-8333-444455556666" for first in ("c", "d", "e"))
"""Anna; somebody else of her family; and Anna as she was entered twice."""
NOW = datetime(2026, 5, 1, tzinfo=UTC)
KEY = Privacy(Pii.HASH, b"a key that nobody guesses")
CUSTOMERS, BILLS, ITEMS = catalog.table("customers"), catalog.table("bills"), catalog.table("order_items")
RESERVATIONS = catalog.table("reservations")
PLANTED = (
    "Zoraya",
    "zoraya@planted.example",
    "+420 777 123 456",
    "X1234567",
    "allergic to Zoraya's own soap",
)
ANNAS = {
    "Name": "Zoraya's stay",
    "OwnerData": {
        "Discriminator": "BillCustomerData",
        "Value": {"LastName": "Nováková", "FirstName": "Zoraya"},
    },
    "CustomerId": ANNA,
    "AssigneeData": {"Email": "zoraya@planted.example"},
}
"""What a bill says of her."""


def customer(identity: str, day: int, /, **more: Any) -> dict[str, Any]:
    return {
        "Id": identity,
        "ChainId": NORTH,
        "Number": "77",
        "FirstName": "Zoraya",
        "LastName": "Nováková",
        "Email": "zoraya@planted.example",
        "Phone": "+420 777 123 456",
        "Classifications": ["InRoom"],
        "Passport": {"Number": "X1234567"},
        "NewField": "zoraya@planted.example",
        "UpdatedUtc": stamp(at(day, 5)),
        **more,
    }


def bill(identity: str, day: int, account: str, /, **more: Any) -> dict[str, Any]:
    return {
        "Id": identity,
        "EnterpriseId": NORTH,
        "AccountId": account,
        "UpdatedUtc": stamp(at(day, 6)),
        **more,
    }


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(map(json_line, records)).replace(b"12321", b"10.123456789012345678")


def plant(lake: Lake) -> None:
    """Anna in three tables, two captures each, one of them seen at a window's end, with current tables."""
    others = customer(
        ELSE, 2, FirstName="Petr", Email="petr@else.example", Phone=None, Passport=None, NewField=None
    )
    once = customer(ONCE, 1, MergeTargetId=ANNA)
    records = {
        "customers": [once, customer(ANNA, 1), customer(ANNA, 2, Email="zoraya@second.example"), others],
        "bills": [bill("b1", 1, ANNA, **ANNAS), bill("b2", 2, ELSE, Name="Petr's stay", Number="42")],
        "order_items": [
            {
                **bill("i1", 1, ANNA),
                "BillingName": "Zoraya",
                "UnitAmount": {"NetValue": 12321},
            },
            {**bill("i2", 2, ELSE), "BillingName": "Petr"},
        ],
        "reservations": [
            {
                "Id": "r1",
                "ServiceId": "s",
                "AccountId": ELSE,
                "BookerId": ANNA,
                "QrCodeData": "Zoraya",
                "UpdatedUtc": stamp(at(2, 3)),
            }
        ],
    }
    for name, made in records.items():
        table = catalog.table(name)
        edge = [{**one, "UpdatedUtc": stamp(at(4))} for one in made[-1:]]
        if name == "customers":
            edge = [customer(ANNA, 4, UpdatedUtc=stamp(at(4)))]
        land(lake, table, lines(*made, *edge), days(1, 4))
        merge(lake, table)
        land(lake, table, lines(*made), days(1, 3))
        merge(lake, table)
        update_current(lake, table, NORTH)


def held(lake: Lake) -> dict[str, bytes]:
    """Every file of a local lake, unpacked as far as it goes: Parquet as its rows."""
    assert lake.local_root is not None
    found = {}
    for path in sorted(lake.local_root.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".zst":
                content = unpacked(path)
            elif path.suffix == ".parquet":
                rows = pq.read_table(path, partitioning=None).to_pylist()
                content = json.dumps(rows, default=str, ensure_ascii=False).encode()
            found[str(path.relative_to(lake.local_root))] = content
    return found


def unpacked(path: Path) -> bytes:
    with open_lines(path) as source:
        return source.read()


def where(lake: Lake, text: str) -> list[str]:
    return [name for name, content in held(lake).items() if text.encode() in content]
