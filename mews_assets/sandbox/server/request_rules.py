"""Mews' rules for the body of a request, as pure functions.

Lives here: everything that can be refused by looking at the body, the clock and the operation. Each function
returns the checked value or raises `Refusal`. Not here: tokens and the request limit (`access_control`), and records
(`store`).

The limits are those of the API's reference: 1,000 ids in a list, pages of 1 to 1,000 records, 3 calendar
months for an interval of pages, 180 days and 5 minutes in the past for one of exports.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from mews_assets.sandbox.clock import EPOCH, SECOND_US, read_micros, to_micros
from mews_assets.sandbox.records.entities import CHAIN_ENTITIES, EXPORTED
from mews_assets.sandbox.records.record_query import Colliding, Condition, Days, OneOf, Within
from mews_assets.sandbox.server.operation import DayInterval, Interval, Operation

Body = Mapping[str, Any]

MAX_IDS = 1000
MAX_COUNT = 1000
LAST_MONTH_US = to_micros(datetime(9999, 1, 1, tzinfo=UTC))
EXPORT_DAYS = 180
EXPORT_SETTLE_SECONDS = 5 * 60


class Refusal(Exception):  # noqa: N818 - an answer of the API, not a mistake of the sandbox
    """An answer that is not 200."""

    def __init__(
        self, status: int, message: str, details: str | None = None, *, retry_after: int | None = None
    ):
        super().__init__(message)
        self.status, self.message, self.details, self.retry_after = status, message, details, retry_after


def invalid(parameter: str, why: str) -> Refusal:
    return Refusal(400, f"Invalid {parameter}.", f"{parameter}: {why}.")


def read_body(raw: bytes) -> dict[str, Any]:
    """The body, which must be one strict JSON object."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # the last: nested too deeply
        raise Refusal(400, "The request body is not valid JSON.", str(error)) from error
    if not isinstance(body, dict):
        raise Refusal(400, "The request body is not a JSON object.")
    return body


def string(body: Body, name: str) -> str:
    """A required string that is not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(name, "a string is required")
    return value


def strings(body: Body, name: str, *, limit: int = MAX_IDS, required: bool = False) -> tuple[str, ...] | None:
    """An array of 1 to `limit` strings. None when it is absent or null."""
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise invalid(name, "an array of strings is required" if required else "not an array of strings")
    if not 1 <= len(value) <= limit:
        raise invalid(name, f"{len(value)} items, where 1 to {limit} are allowed")
    return tuple(value)


def mapping(body: Body, name: str, *, required: bool = False) -> Body | None:
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, dict):
        raise invalid(name, "an object is required" if required else "not an object")
    return value


def interval(body: Body, name: str, *, shown: str = "") -> tuple[int, int] | None:
    """`{StartUtc, EndUtc}` in microseconds. None when it is absent."""
    value, shown = mapping(body, name), shown or name
    if value is None:
        return None
    ends = []
    for end in ("StartUtc", "EndUtc"):
        text = value.get(end)
        if not isinstance(text, str):
            raise invalid(f"{shown}.{end}", "an instant in ISO 8601 is required")
        try:
            ends.append(read_micros(text))
        except (ValueError, OverflowError) as error:
            raise invalid(f"{shown}.{end}", str(error)) from error
    if ends[1] < ends[0]:
        raise invalid(shown, "it ends before it starts")
    return ends[0], ends[1]


def months_later(start_us: int, months: int) -> int:
    """The same day and time some calendar months later; the month's last day where there is no such day.

    At the end of all calendars, where there is no such month: as many times 31 days.
    """
    if start_us > LAST_MONTH_US:
        return start_us + months * 31 * 86_400 * SECOND_US
    start = EPOCH + timedelta(microseconds=start_us)
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    later = start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))
    return start_us + round((later - start).total_seconds()) * SECOND_US


def limitation(body: Body) -> tuple[int, str | None]:
    """The size of the page and the cursor."""
    value = mapping(body, "Limitation", required=True) or {}
    count, cursor = value.get("Count"), value.get("Cursor")
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_COUNT:
        raise invalid("Limitation.Count", f"an integer from 1 to {MAX_COUNT} is required")
    if cursor is not None and not isinstance(cursor, str):
        raise invalid("Limitation.Cursor", "not a string")
    return count, cursor and cursor.lower()


def parts(body: Body, operation: Operation) -> frozenset[str]:
    """The lists of records that the answer is to hold."""
    beside = {one.records_key for one in operation.beside}
    value = mapping(body, "Extent", required=operation.extent is not None and operation.extent.required)
    if value is None or operation.extent is None:
        return frozenset({operation.records_key, *beside})
    if not all(isinstance(flag, bool) for flag in value.values()):
        raise invalid("Extent", "its properties are booleans")
    named = {name for name, wanted in value.items() if wanted}
    always = set() if operation.extent.records else {operation.records_key}
    return frozenset(always | (named & {operation.records_key, *beside}))


def _activity(body: Body) -> Condition | None:
    states = strings(body, "ActivityStates")
    for state in states or ():
        if state not in ("Active", "Deleted"):
            raise invalid("ActivityStates", f"{state!r} is neither Active nor Deleted")
    wanted = {state == "Active" for state in states or ("Active",)}
    return None if len(wanted) == 2 else OneOf("IsActive", (int(wanted.pop()),))


def _interval_condition(body: Body, parameter: Interval) -> Condition | None:
    ends = interval(body, parameter.parameter)
    if ends is None:
        return None
    if ends[1] > months_later(ends[0], parameter.months):
        raise invalid(parameter.parameter, f"it is longer than {parameter.months} months")
    if parameter.until:
        return Colliding(parameter.prop, parameter.until, *ends)
    return Within(parameter.prop, *ends, of_bill=parameter.of_bill)


def _days_condition(body: Body, parameter: DayInterval) -> Days:
    first, last = _days(body, parameter.parameter, parameter.parameter)
    if last - first >= timedelta(days=parameter.days):
        raise invalid(parameter.parameter, f"it is longer than {parameter.days} days")
    return Days(parameter.prop, first.isoformat(), last.isoformat())


def page_conditions(body: Body, operation: Operation) -> tuple[Condition, ...]:
    """The filters of a paginated operation."""
    found: list[Condition | None] = []
    for one in operation.lists:
        values = strings(body, one.parameter, limit=one.limit, required=one.required)
        if values is not None and one.prop:
            is_key = one.prop in ("Id", "ServiceId")
            found.append(OneOf(one.prop, tuple(v.lower() for v in values) if is_key else values))
    found += [_interval_condition(body, one) for one in operation.intervals]
    found += [_days_condition(body, one) for one in operation.day_intervals]
    for parameter, prop in operation.single.items():
        if body.get(parameter) is not None:
            found.append(OneOf(prop, (string(body, parameter),)))
    if operation.one_of and all(body.get(name) is None for name in operation.one_of):
        raise Refusal(400, "Invalid filter.", f"At least one of {', '.join(operation.one_of)} is required.")
    if operation.converts and body.get("Currency") is not None:
        raise invalid("Currency", "the sandbox does not convert currencies; leave it out")
    if operation.activity:
        shows_all = operation.shows_deleted and body.get("ActivityStates") is None
        found.append(None if shows_all else _activity(body))
    if operation.default_products and not body.get("IncludeDefault"):
        found.append(OneOf("IsDefault", (0,)))
    if operation.extent and operation.extent.inactive and not (body.get("Extent") or {}).get("Inactive"):
        found.append(OneOf("IsActive", (1,)))
    if operation.corrections and body.get("CorrectionState") is None and body.get("BillIds") is None:
        found.append(OneOf("CorrectionState", ("Bill",)))
    return tuple(condition for condition in found if condition is not None)


@dataclass(frozen=True)
class ExportOrder:
    """The checked body of exports/add. `scope` and `filters` are returned to the client as they were given."""

    entity: str
    scope: dict[str, tuple[str, ...] | None]
    filters: dict[str, Any] | None
    conditions: tuple[Condition, ...]

    @property
    def scope_ids(self) -> tuple[str, ...] | None:
        return self.scope["ChainIds" if self.entity in CHAIN_ENTITIES else "EnterpriseIds"]


def export_order(body: Body, now_us: int) -> ExportOrder:
    """The checked request for one export."""
    entity = string(body, "EntityType")
    if entity not in EXPORTED:
        raise invalid("EntityType", f"{entity!r} is not one of {', '.join(EXPORTED)}")
    given = mapping(body, "Scope") or {}
    scope = {name: strings(given, name) for name in ("EnterpriseIds", "ChainIds")}
    filters = mapping(body, "Filters") or {}
    conditions = (
        _ledger_conditions(filters) if entity == "LedgerEntry" else _updated_conditions(filters, now_us)
    )
    echo = {name: filters.get(name) for name in ("UpdatedUtc", "LedgerEntryFilters")}
    return ExportOrder(entity, scope, echo if any(echo.values()) else None, conditions)


def _updated_conditions(filters: Body, now_us: int) -> tuple[Condition, ...]:
    if filters.get("LedgerEntryFilters") is not None:
        raise invalid("Filters.LedgerEntryFilters", "only for the entity type LedgerEntry")
    ends = interval(filters, "UpdatedUtc", shown="Filters.UpdatedUtc")
    if ends is None:
        return ()
    if ends[1] > now_us - EXPORT_SETTLE_SECONDS * SECOND_US:
        raise invalid("Filters.UpdatedUtc", "its end must be at least 5 minutes in the past")
    if ends[1] - ends[0] > EXPORT_DAYS * 86_400 * SECOND_US:
        raise invalid("Filters.UpdatedUtc", f"it is longer than {EXPORT_DAYS} days")
    return (Within("UpdatedUtc", *ends),)


def _ledger_conditions(filters: Body) -> tuple[Condition, ...]:
    if filters.get("UpdatedUtc") is not None:
        raise invalid("Filters.UpdatedUtc", "the entity type LedgerEntry has no UpdatedUtc")
    shown = "Filters.LedgerEntryFilters.Posting"
    first, last = _days(mapping(filters, "LedgerEntryFilters") or {}, "Posting", shown)
    return (Days("PostingDate", first.isoformat(), last.isoformat()),)


def _days(body: Body, name: str, shown: str) -> tuple[date, date]:
    """`{Start, End}`, dates in order, required."""
    value = mapping(body, name)
    if value is None:
        raise invalid(shown, "required for ledger entries")
    first, last = (_day(value, end, shown) for end in ("Start", "End"))
    if last < first:
        raise invalid(shown, "it ends before it starts")
    return first, last


def _day(posting: Body, end: str, shown: str) -> date:
    text = posting.get(end)
    try:
        return datetime.strptime(str(text), "%Y-%m-%d").date()
    except ValueError as error:
        raise invalid(f"{shown}.{end}", "a date such as 2024-01-31 is required") from error
