"""One sandbox of two hand-made hotels for all tests that only read, with its clock stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mews_assets.sandbox.running import running_sandbox
from mews_assets_tests.sandbox.made import (
    NORTH,
    NORTH_CHAIN,
    NORTH_STAY,
    NOW,
    SOUTH,
    SOUTH_STAY,
    hotels,
    item,
    made_id,
    version,
)
from mews_assets_tests.sandbox.made import Client as AskingClient


def _records():
    yield from hotels()
    yield item(
        "room",
        "2024-06-01T10:00:00Z",
        Name="room 1",
        ServiceId=NORTH_STAY,
        ConsumedUtc="2024-06-02T00:00:00Z",
    )
    yield item(
        "room",
        "2024-06-03T10:00:00Z",
        Name="room 2",
        ServiceId=NORTH_STAY,
        ConsumedUtc="2024-06-02T00:00:00Z",
    )
    yield item(
        "tax", "2024-06-03T00:00:00Z", Name="tax", ServiceId=NORTH_STAY, ConsumedUtc="2024-06-02T00:00:00.5Z"
    )
    yield item("bar", "2024-06-04T00:00:00Z", SOUTH, Name="bar", ServiceId=SOUTH_STAY)
    yield item("later", "2024-06-20T00:00:00Z", SOUTH, Name="later", ServiceId=SOUTH_STAY)
    customer = {"ChainId": NORTH_CHAIN}
    yield version(
        "Customer", "ann", "2024-06-01T00:00:00Z", NORTH_CHAIN, Name="ann", IsActive=True, **customer
    )
    yield version(
        "Customer", "bob", "2024-06-02T00:00:00Z", NORTH_CHAIN, Name="bob", IsActive=False, **customer
    )
    stay = {
        "ServiceId": NORTH_STAY,
        "State": "Inquired",
        "PartnerCompanyId": made_id("firm"),
        "QrCodeData": None,
    }
    when = {"ScheduledStartUtc": "2024-06-10T13:00:00Z", "ScheduledEndUtc": "2024-06-12T09:00:00Z"}
    yield version("Reservation", "stay", "2024-06-05T00:00:00Z", NORTH, **stay, **when)
    yield version("ProductServiceOrder", "breakfast", "2024-06-05T00:00:00Z", NORTH, ServiceId=NORTH_STAY)
    yield version(
        "AvailabilityBlock", "wedding", "2024-06-05T00:00:00Z", NORTH, EnterpriseId=NORTH, IsActive=True
    )
    for day, name in (("2024-06-01", "first"), ("2024-06-02", "second"), ("2024-06-03", "third")):
        yield version("LedgerEntry", name, f"{day}T01:00:00Z", EnterpriseId=NORTH, PostingDate=day, Name=name)
    closed = {"EnterpriseId": NORTH, "OutletId": made_id("outlet"), "ClosedUtc": "2024-06-06T20:00:00Z"}
    yield version("OutletBill", "bill a", "2024-06-06T20:00:00Z", NORTH, **closed)
    yield version("OutletBill", "bill a", "2024-06-08T09:00:00Z", NORTH, **closed)
    yield version("OutletBill", "bill b", "2024-06-06T21:00:00Z", NORTH, **closed)
    for name, bill, hour in (("soup", "a", 18), ("wine", "a", 19), ("cake", "b", 20)):
        stamp = f"2024-06-06T{hour}:00:00Z"
        yield version("OutletItem", name, stamp, BillId=made_id(f"bill {bill}"), ConsumedUtc=stamp, Name=name)


@pytest.fixture(scope="package")
def served():
    with running_sandbox(_records(), now=datetime.fromisoformat(NOW), no_export_token=True) as sandbox:
        yield sandbox


@pytest.fixture
def client(served) -> Iterator[AskingClient]:
    served.reset()
    served.set_clock(NOW, running=False)
    asking = AskingClient(served)
    yield asking
    asking.http.close()


@pytest.fixture
def hotel(client) -> AskingClient:
    """The first hotel's own token."""
    return AskingClient(client.sandbox, client.sandbox.hotel_tokens[0])


@pytest.fixture
def sandbox():
    """A sandbox of its own for a test that changes records: two hotels and nothing else."""
    with running_sandbox(hotels(), now=datetime.fromisoformat(NOW).astimezone(UTC)) as own:
        own.set_clock(NOW, running=False)
        yield own
