"""Hand-made records of two hotels in two chains, and a client that asks a running sandbox for them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from mews_assets.sandbox.clock import read_micros
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import RunningSandbox

NOW = "2024-06-15T12:00:00Z"


def made_id(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


NORTH, SOUTH = made_id("north"), made_id("south")
NORTH_CHAIN, SOUTH_CHAIN = made_id("north chain"), made_id("south chain")
NORTH_STAY, SOUTH_STAY = made_id("north stay"), made_id("south stay")


def version(entity: str, name: str, stamp: str, scope: str = NORTH, /, **record: Any) -> Version:
    """One version of the record of this name, with its stamp in UpdatedUtc."""
    body = {"Id": made_id(name), "UpdatedUtc": stamp, **record}
    return Version(entity, made_id(name), scope, read_micros(stamp), msgspec.json.encode(body))


def hotels() -> list[Version]:
    """Two hotels with a bookable service each."""
    old = "2024-01-01T00:00:00Z"
    return [
        version("Enterprise", "north", old, NORTH, ChainId=NORTH_CHAIN, Name="North"),
        version("Enterprise", "south", old, SOUTH, ChainId=SOUTH_CHAIN, Name="South"),
        version("Service", "north stay", old, NORTH, EnterpriseId=NORTH, Data={"Discriminator": "Bookable"}),
        version("Service", "south stay", old, SOUTH, EnterpriseId=SOUTH, Data={"Discriminator": "Bookable"}),
    ]


def item(name: str, stamp: str, enterprise: str = NORTH, /, **more: Any) -> Version:
    """An order item."""
    return version("OrderItem", name, stamp, enterprise, EnterpriseId=enterprise, **more)


@dataclass
class Client:
    """Asks with the tokens filled in."""

    sandbox: RunningSandbox
    token: str = ""
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(
            base_url=f"{self.sandbox.address}/api/connector/v1/", timeout=10, verify=False, trust_env=False
        )

    def tokens(self) -> dict[str, str]:
        token = self.token or self.sandbox.access_token
        return {"ClientToken": self.sandbox.client_token, "AccessToken": token, "Client": "Tests 1.0.0"}

    def post(self, operation: str, headers: dict[str, str] | None = None, /, **body: Any) -> httpx.Response:
        return self.http.post(operation, json={**self.tokens(), **body}, headers=headers)

    def page(
        self, operation: str, count: int = 1000, cursor: str | None = None, /, **body: Any
    ) -> dict[str, Any]:
        answer = self.post(operation, Limitation={"Count": count, "Cursor": cursor}, **body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def names(self, operation: str, key: str, /, **body: Any) -> list[str]:
        """The `Name` of each record of the first page."""
        return [record["Name"] for record in self.page(operation, **body)[key]]

    def order(self, entity: str = "OrderItem", /, **body: Any) -> str:
        """Add an export and give its id."""
        answer = self.post("exports/add", EntityType=entity, **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["Export"]["Id"])

    def export(self, export_id: str) -> dict[str, Any]:
        answer = self.post("exports/getAll", ExportIds=[export_id])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["Exports"][0]
        return found

    def lines(self, entity: str = "OrderItem", /, **body: Any) -> list[bytes]:
        """All lines of a new export that is ready at once."""
        files = self.export(self.order(entity, **body))["Files"]
        return b"".join(self.http.get(file["Url"]).content for file in files).splitlines()


def between(start: str, end: str) -> dict[str, str]:
    return {"StartUtc": start, "EndUtc": end}
