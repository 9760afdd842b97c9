"""The control address: moves the clock, reads the request log, changes records, plans faults.

Lives here: what each control address does to a `Sandbox`. It has no tokens: the sandbox listens on 127.0.0.1
only.

| address | body |
|---|---|
| GET, POST /control/clock | `{"Now": iso}`, `{"AdvanceSeconds": n}`, `"Running": false` stops it |
| GET /control/requests | |
| POST /control/reset | clears counts, log, planned faults and the request limit |
| POST /control/records | `{"Entity", "Record", "Scope"?, "StampUtc"?}` becomes the record's newest version |
| POST /control/faults | see `faults`: `{"Operation", "Kind", "Status", "Times", "RetryAfter", "Seconds"}` |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from mews_assets.sandbox.clock import read_micros, write_micros
from mews_assets.sandbox.records.entities import (
    ENTITIES,
    GLOBAL_ENTITIES,
    STAMPS,
    key_of,
    owner_path,
    owners_by_way,
    value_at,
)
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.server.access_control import NO_EXPORTS_TOKEN, token_table
from mews_assets.sandbox.server.request_rules import Refusal, read_body
from mews_assets.sandbox.server.sandbox_parts import Sandbox

Body = dict[str, Any]


def answer(sandbox: Sandbox, method: str, address: str, raw: bytes) -> Body:
    """The answer of one control address."""
    act = ADDRESSES.get((method, address))
    if act is None:
        known = ", ".join(f"{verb} /control/{name}" for verb, name in ADDRESSES)
        raise Refusal(404, "Not found.", f"The control addresses are {known}.")
    try:
        return act(sandbox, read_body(raw) if raw else {})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Refusal(400, f"Invalid request to /control/{address}.", repr(error)) from error


def put_record(
    sandbox: Sandbox, entity: str, record: Body, scope: str | None = None, stamp_utc: str | None = None
) -> str:
    """Make the record the newest version of itself; returns its stamp.

    The stamp is now, unless `stamp_utc` gives another; it is written to the record's UpdatedUtc, if it has one, or to
    the CreatedUtc of a LedgerEntry. A version with the stamp of the newest replaces it. The scope is the record's, or
    that of its previous version.
    """
    if entity not in ENTITIES:
        raise ValueError(f"Entity {entity!r} is not one of {', '.join(ENTITIES)}")
    stamp = stamp_utc or write_micros(sandbox.clock.now_us())
    if stamp_name := STAMPS.get(entity, "UpdatedUtc"):
        record = {**record, stamp_name: stamp}
    record_id = key_of(entity, record)
    scope = scope or _scope(sandbox, entity, record_id, record)
    sandbox.store.put(Version(entity, record_id, scope, read_micros(stamp), msgspec.json.encode(record)))
    if entity == "Enterprise":
        has_no_exports = NO_EXPORTS_TOKEN in sandbox.door.accesses
        table = token_table(sandbox.store.enterprises().items(), no_export_token=has_no_exports)
        sandbox.door.accesses = table
    return stamp


def _scope(sandbox: Sandbox, entity: str, record_id: str, record: Body) -> str:
    if entity in GLOBAL_ENTITIES:
        return ""
    if own := value_at(record, owner_path(entity)):
        return str(own).lower()
    store = sandbox.store
    if (scope := store.scope_of(entity, record_id)) is not None:
        return scope
    for of, name in owners_by_way(entity):
        if record.get(name) and (scope := store.scope_of(of, str(record[name]).lower())) is not None:
            return scope
    raise ValueError(f"{entity} {record_id} does not say whose it is: give Scope")


def _show_clock(sandbox: Sandbox, body: Body) -> Body:
    return {"Now": write_micros(sandbox.clock.now_us())}


def _move_clock(sandbox: Sandbox, body: Body) -> Body:
    if "Now" in body:
        sandbox.clock.set(read_micros(body["Now"]), running=body.get("Running"))
    if "AdvanceSeconds" in body:
        sandbox.clock.advance(float(body["AdvanceSeconds"]))
    return _show_clock(sandbox, body)


def _show_requests(sandbox: Sandbox, body: Body) -> Body:
    return sandbox.log.show()


def _reset(sandbox: Sandbox, body: Body) -> Body:
    sandbox.log.clear()
    sandbox.faults.clear()
    sandbox.limit.reset()
    return {}


def _put_record(sandbox: Sandbox, body: Body) -> Body:
    return {
        "StampUtc": put_record(
            sandbox, body["Entity"], body["Record"], body.get("Scope"), body.get("StampUtc")
        )
    }


def _plan_fault(sandbox: Sandbox, body: Body) -> Body:
    sandbox.faults.plan(body)
    return {}


ADDRESSES: dict[tuple[str, str], Callable[[Sandbox, Body], Body]] = {
    ("GET", "clock"): _show_clock,
    ("POST", "clock"): _move_clock,
    ("GET", "requests"): _show_requests,
    ("POST", "reset"): _reset,
    ("POST", "records"): _put_record,
    ("POST", "faults"): _plan_fault,
}
