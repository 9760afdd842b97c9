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
from mews_assets.sandbox.server.operation import Beside, Operation
from mews_assets.sandbox.server.request_rules import (
    invalid,
    limitation,
    page_conditions,
    parts,
    string,
    strings,
)

BETA_LACKS = frozenset(
    {
        "AccountType", "CommanderOrigin", "ScheduledStartUtc", "ActualStartUtc", "ScheduledEndUtc",
        "ActualEndUtc", "QrCodeData", "StartUtc", "EndUtc", "LinkedReservationId",
    }
)  # fmt: skip
"""Properties of today's service orders that the beta of 2023 did not have."""


ALL_RECORDS = 100_000
"""More than any operation without pages answers with."""


@dataclass(frozen=True)
class Page:
    """The body of an answer, and whether it holds no record."""

    body: bytes
    is_empty: bool


def answer_page(
    store: Store, clock: Clock, access: Access, operation: Operation, body: Mapping[str, Any], most: int
) -> Page:
    """One page of a paginated operation, as the asking token sees it: of `most` records, if more are asked for."""
    asked, after = limitation(body) if operation.paginated else (ALL_RECORDS, None)
    count = min(asked, most) if operation.paginated else asked
    wanted = parts(body, operation)
    at_us = clock.now_us()
    question = RecordQuery(
        operation.entity,
        at_us,
        access.scopes(operation.entity, _asked_scopes(body, operation)),
        unscoped=access.sees_everything,
        conditions=page_conditions(body, operation),
    )
    found = store.page(question, count, after)
    if found is None:
        raise invalid("Limitation.Cursor", f"there is no {operation.entity} with this id")
    records = [_beta(one) if operation.beta else one.record for one in found]
    if not operation.records_key:
        return Page(_only(records, operation), is_empty=False)
    answer = {operation.records_key: _array(records) if operation.records_key in wanted else b"null"}
    for beside in operation.beside:
        answer[beside.records_key] = (
            _array(_beside(store, records, beside, at_us)) if beside.records_key in wanted else b"null"
        )
    if operation.paginated:
        answer["Cursor"] = msgspec.json.encode(found[-1].id if found else None)
    text = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in answer.items())
    return Page(b"{%s}" % text, is_empty=not found)


def _array(records: list[bytes]) -> bytes:
    return b"[%s]" % b",".join(records)


def _asked_scopes(body: Mapping[str, Any], operation: Operation) -> tuple[str, ...] | None:
    """The scopes in the body: a list, or of an operation that answers with one record a single id."""
    if operation.records_key:
        return strings(body, operation.scope_parameter, limit=operation.max_scopes)
    return None if body.get("EnterpriseId") is None else (string(body, "EnterpriseId"),)


def _only(records: list[bytes], operation: Operation) -> bytes:
    """The answer that is a record itself."""
    if len(records) != 1:
        raise invalid("EnterpriseId", f"required, for this token sees {len(records)} enterprises")
    return records[0]


def _beside(store: Store, records: list[bytes], beside: Beside, at_us: int) -> list[bytes]:
    """Each record once, although several records of the page may name it; all of them if no property is given."""
    if not beside.prop:
        return list(store.records(RecordQuery(beside.entity, at_us)))
    ids = dict.fromkeys(str(msgspec.json.decode(record)[beside.named]).lower() for record in records)
    if not ids:
        return []
    return list(
        store.records(RecordQuery(beside.entity, at_us, conditions=(OneOf(beside.prop, tuple(ids)),)))
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
