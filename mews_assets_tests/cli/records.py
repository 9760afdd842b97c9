"""Records as `mews-assets convert` reads them."""

from __future__ import annotations

import json
from typing import Any


def order_item(number: int, **more: Any) -> dict[str, Any]:
    amount = {
        "Currency": "EUR",
        "NetValue": 100.0,
        "GrossValue": 110.0,
        "TaxValues": [{"Code": "X", "Value": 10.0}],
    }
    return {
        "Id": f"00000000-0000-4000-8000-{number:012}",
        "EnterpriseId": "e1",
        "AccountId": "a1",
        "AccountType": "Customer",
        "ServiceId": "s1",
        "Name": "Night",
        "UnitCount": 1,
        "UnitAmount": amount,
        "Amount": amount,
        "CreatorProfileId": "p1",
        "UpdaterProfileId": "p1",
        "ConsumedUtc": "2026-01-01T00:00:00Z",
        "CreatedUtc": "2026-01-01T00:00:00Z",
        "UpdatedUtc": "2026-01-01T00:00:00Z",
        "RevenueType": "Service",
        "AccountingState": "Open",
        "Type": "SpaceOrder",
        "Data": {"Discriminator": "SpaceOrder"},
        "Options": {"CanceledWithReservation": False},
        **more,
    }


def json_lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)
