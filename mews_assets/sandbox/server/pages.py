"""Answers of the paginated operations, made of the records' own bytes.

Lives here: one page of an operation, the bills that go with outlet items, and the shape of the 2023 beta.
Not here: the checks of the body (`request_rules`) and the table of operations (`operations`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from mews_assets.sandbox.clock import Clock
from mews_assets.sandbox.records.record_query import OneOf, RecordQuery
from mews_assets.sandbox.records.store import Found, Store
from mews_assets.sandbox.server.access_control import Access
from mews_assets.sandbox.server.operations import Operation
from mews_assets.sandbox.server.request_rules import extent, invalid, limitation, page_conditions, strings

BETA_LACKS = frozenset(
    {
        "AccountType", "CommanderOrigin", "ScheduledStartUtc", "ActualStartUtc", "ScheduledEndUtc",
        "ActualEndUtc", "QrCodeData", "StartUtc", "EndUtc", "LinkedReservationId",
    }
)  # fmt: skip
"""Properties of today's service orders that the beta of 2023 did not have."""


@dataclass(frozen=True)
class Page:
    """The body of an answer, and whether it holds no record."""

    body: bytes
    is_empty: bool


def answer_page(
    store: Store, clock: Clock, access: Access, operation: Operation, body: Mapping[str, Any], most: int
) -> Page:
    """One page of a paginated operation, as the asking token sees it: of `most` records, if more are asked for."""
    asked, after = limitation(body)
    count = min(asked, most)
    sends_records = extent(body, operation)
    at_us = clock.now_us()
    question = RecordQuery(
        operation.entity,
        at_us,
        access.scopes(operation.entity, strings(body, operation.scope_parameter)),
        unscoped=access.sees_everything,
        conditions=page_conditions(body, operation),
    )
    found = store.page(question, count, after)
    if found is None:
        raise invalid("Limitation.Cursor", f"there is no {operation.entity} with this id")
    records = [_beta(one) if operation.beta else one.record for one in found]
    parts = {operation.records_key: _array(records) if sends_records else b"null"}
    if operation.entity == "OutletItem":
        parts["OutletBills"] = _array(_bills_of(store, records, at_us))
    parts["Cursor"] = msgspec.json.encode(found[-1].id if found else None)
    text = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in parts.items())
    return Page(b"{%s}" % text, is_empty=not found)


def _array(records: list[bytes]) -> bytes:
    return b"[%s]" % b",".join(records)


class _Item(msgspec.Struct):
    BillId: str


def _bills_of(store: Store, items: list[bytes], at_us: int) -> list[bytes]:
    """Each bill once, although several items of the page may be on it."""
    ids = dict.fromkeys(msgspec.json.decode(item, type=_Item).BillId.lower() for item in items)
    return (
        list(store.records(RecordQuery("OutletBill", at_us, conditions=(OneOf("Id", tuple(ids)),))))
        if ids
        else []
    )


def _beta(found: Found) -> bytes:
    """A service order as the 2023 beta had it: it names its enterprise, and its company as CompanyId."""
    raw = msgspec.json.decode(found.record, type=dict[str, msgspec.Raw])
    shaped: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in BETA_LACKS:
            shaped[name] = value
        if name == "Id":
            shaped["EnterpriseId"] = found.scope or None
    if bytes(raw.get("State", b"")) == b'"Inquired"':
        shaped["State"] = "Enquired"
    if bytes(raw.get("PartnerCompanyId", b"null")) != b"null":
        shaped["CompanyId"] = raw["PartnerCompanyId"]
    return msgspec.json.encode(shaped)
