"""The records of one seed: two hotels, versions over a few days, and the sandbox that serves them.

Lives here: drawing the versions, which of them is visible when (`History`), and a sandbox in this process whose clock
only the scenario moves. All lines of an entity are equally long, so that a download resumed at a wrong offset can
still be JSON.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mews_assets.catalog import table as table_of
from mews_assets.catalog.model import Table
from mews_assets.sandbox.clock import SECOND_US, Clock, read_micros, to_micros, write_micros
from mews_assets.sandbox.records.store import FOREVER_US, Store
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.server.access_control import Authenticator, RequestLimit, token_table
from mews_assets.sandbox.server.exports import Exports
from mews_assets.sandbox.server.sandbox_parts import Sandbox
from mews_assets.windows import Grain, Window, window_at
from mews_assets_tests.sandbox.made import NORTH, NORTH_STAY, SOUTH, SOUTH_STAY, hotels, made_id

START = datetime(2024, 6, 3, tzinfo=UTC)
DAY_US = 86_400 * SECOND_US
LINE_BYTES = 480
SETTLES_AFTER = timedelta(minutes=5)
DAYS_END_AFTER = timedelta(hours=12)
"""Written here again, not imported from `windows`: the verdict must not change with the code that it judges."""
FAMILIES = ("order_items", "reservations", "ledger_entries", "outlet_bills", "product_service_orders")
"""By export with the enterprise in the row, without it, by posting date, two tables by pages, and one by pages that
wants every service listed."""
TAGS = {
    "OrderItem": "BillingName",
    "Reservation": "Number",
    "ProductServiceOrder": "Number",
    "LedgerEntry": "TransactionId",
    "OutletBill": "Number",
    "OutletItem": "Name",
}
"""The property that holds the text of a version: a row must hold the text of its version."""
LOCAL_HOURS = {NORTH: -8, SOUTH: 13}
"""Hours from UTC to each hotel's local time, which gives the posting date: the day of one hotel ends after that in UTC,
the day of the other long before."""
FILLERS = {
    "Reservation": "OriginDetails",
    "ProductServiceOrder": "OriginDetails",
    "LedgerEntry": "TaxRateCode",
}


@dataclass(frozen=True)
class ShownVersion:
    """One version: visible from its stamp on, or later, until a later version is visible."""

    entity: str
    id: str
    scope: str
    stamp_us: int
    until_us: int
    tag: str
    window_us: int
    """The instant that gives its window; for an outlet item unused, since its bill's instant gives it."""
    shown_us: int
    bill: str = ""

    @property
    def key(self) -> tuple[str, int]:
        return self.id, self.stamp_us


@dataclass
class History:
    """All versions of a seed, by entity, and by (id, stamp)."""

    versions: dict[str, list[ShownVersion]] = field(default_factory=dict)
    by_key: dict[str, dict[tuple[str, int], ShownVersion]] = field(default_factory=dict)
    restated: dict[tuple[str, str, int], set[str]] = field(default_factory=dict)
    """By entity, id and stamp: the later texts of a version, restated under the same stamp."""

    def texts_of(self, one: ShownVersion) -> set[str]:
        """All texts that a version ever had."""
        return {one.tag, *self.restated.get((one.entity, *one.key), ())}

    def shown_from(
        self, table: Table, scope: str, window: Window, until_us: int, seen_us: int
    ) -> list[ShownVersion]:
        """The versions of a window that were visible at `seen_us`, and are not replaced before `until_us`."""
        start, end = to_micros(window.start), to_micros(window.end)

        def stands(one: ShownVersion) -> bool:
            return one.scope == scope and one.shown_us <= seen_us and one.until_us > until_us

        def inside(one: ShownVersion) -> bool:
            return stands(one) and start <= one.window_us < end

        if table.entity == "OutletBill":  # sent only with one of its items
            with_items = {
                one.bill for one in self.versions["OutletItem"] if max(one.shown_us, one.stamp_us) <= seen_us
            }
            return [one for one in self.versions["OutletBill"] if inside(one) and one.id in with_items]
        if table.entity != "OutletItem":
            return [one for one in self.versions.get(table.entity, ()) if inside(one)]
        bills = {one.id for one in self.versions.get("OutletBill", ()) if inside(one)}
        return [
            one
            for one in self.versions.get("OutletItem", ())
            if one.bill in bills and one.stamp_us <= max(end, seen_us) and stands(one)
        ]


def settles(window: Window, table: Table) -> datetime:
    """When Mews answers for the whole window: 5 minutes after its end; 12 hours later if it holds days by calendar."""
    return window.end + SETTLES_AFTER + (DAYS_END_AFTER if table.by_day else timedelta(0))


def window_of(instant_us: int) -> Window:
    return window_at(datetime.fromisoformat(write_micros(instant_us)), Grain.DAILY)


def versions_of(family: str, days: int, rng: random.Random) -> list[Version]:
    """Records of one family, each with a few versions over the days and the day before and after."""
    made: list[Version] = []
    for scope, hotel in ((NORTH, "north"), (SOUTH, "south")):
        for number in range(rng.randint(4, 9)):
            name = f"{family} {hotel} {number}"
            stamps = sorted({_stamp(days, rng) for _ in range(rng.choice((1, 1, 2, 2, 3, 5)))})
            if family == "ledger_entries":
                if rng.random() < 0.3:  # in the hotel's evening, which is the next day in UTC
                    stamps[0] = (
                        to_micros(START) + rng.randrange(days) * DAY_US + rng.randrange(8 * 3600 * SECOND_US)
                    )
                made.append(_version("LedgerEntry", name, stamps[0], scope, days, 1))
                continue
            entity = table_of(family).entity
            made += [_version(entity, name, at, scope, days, n) for n, at in enumerate(stamps, 1)]
            if entity == "OutletBill":
                for item in range(rng.randint(1, 3)):
                    own = sorted(
                        {stamps[0] - SECOND_US, _stamp(days, rng)} if rng.random() < 0.3 else {stamps[0]}
                    )
                    made += [
                        _version("OutletItem", f"{name} {item}", at, scope, days, n, BillId=made_id(name))
                        for n, at in enumerate(own, 1)
                    ]
    return made


def _stamp(days: int, rng: random.Random) -> int:
    """Often exactly at a window's end, sometimes with a fraction, and sometimes at the instant of other versions."""
    day = to_micros(START) + rng.randint(-1, days + 1) * DAY_US
    kind = rng.random()
    if kind < 0.25:
        return day
    if kind < 0.35:
        return day + DAY_US - 1
    if kind < 0.5:
        return day + 12 * 3600 * SECOND_US
    if kind < 0.65:
        return day + rng.randrange(DAY_US)
    return day + rng.randrange(86_400) * SECOND_US


def _version(
    entity: str, name: str, stamp_us: int, scope: str, days: int, number: int, **more: Any
) -> Version:
    stamp = write_micros(stamp_us)
    body: dict[str, Any] = {"Id": made_id(name), TAGS[entity]: f"{name} v{number}"[-40:]}
    if entity == "LedgerEntry":
        body |= {
            "EnterpriseId": scope,
            "PostingDate": _day_at(scope, stamp_us),
            "CreatedUtc": stamp,
            "Value": 12.30,
        }
    elif entity in ("Reservation", "ProductServiceOrder"):
        body |= {"ServiceId": NORTH_STAY if scope == NORTH else SOUTH_STAY, "UpdatedUtc": stamp}
    else:
        body |= {"EnterpriseId": scope, "UpdatedUtc": stamp}
    if stamp_us > to_micros(START) + days * DAY_US // 2:  # Mews adds fields and values without notice
        body |= {"Novelty": {"Since": [number, None]}, "Type": "NeverHeardOf", "State": "NeverHeardOf"}
    body |= more
    filler = FILLERS.get(entity, "Observations")
    bare = len(json.dumps(body | {filler: ""}, separators=(",", ":")))
    body[filler] = "x" * max(0, LINE_BYTES - bare)
    record = json.dumps(body, separators=(",", ":")).encode()
    return Version(entity, made_id(name), scope, stamp_us, record)


def _day_at(scope: str, stamp_us: int) -> str:
    """The date in the hotel's local time."""
    return write_micros(stamp_us + LOCAL_HOURS[scope] * 3600 * SECOND_US)[:10]


def with_late_versions(versions: list[Version], rng: random.Random) -> list[Version]:
    """The versions, some visible only minutes, hours or days after their stamp; in half of the scenarios none."""
    if rng.random() < 0.5:
        return versions
    hours = (0.05, 1, 8, 20, 30, 45, 60, 90)
    return [
        replace(one, shown_us=one.stamp_us + round(rng.choice(hours) * 3600) * SECOND_US)
        if rng.random() < 0.4
        else one
        for one in versions
    ]


def _shown(version: Version) -> int:
    return version.stamp_us if version.shown_us is None else version.shown_us


def history_of(versions: list[Version]) -> History:
    history = History()
    by_record: dict[tuple[str, str], list[Version]] = {}
    for version in versions:
        by_record.setdefault((version.entity, version.id), []).append(version)
    for (entity, _), own in by_record.items():
        own.sort(key=lambda one: one.stamp_us)
        for number, version in enumerate(own):
            after = [_shown(one) for one in own[number + 1 :]]
            body = json.loads(version.record)
            posting = body.get("PostingDate")
            one = ShownVersion(
                entity,
                version.id,
                version.scope,
                version.stamp_us,
                min(after, default=FOREVER_US),
                body[TAGS[entity]],
                read_micros(f"{posting}T00:00:00Z") if posting else version.stamp_us,
                _shown(version),
                body.get("BillId", ""),
            )
            history.versions.setdefault(entity, []).append(one)
            history.by_key.setdefault(entity, {})[one.key] = one
    return history


def restate(store: Store, one: ShownVersion) -> str:
    """Replace the text of a visible version by another of the same length. Returns the new text."""
    connection = store._connection()
    rowid, body = connection.execute(
        "SELECT v.body, b.record FROM version v JOIN body b ON b.rowid = v.body "
        "WHERE v.entity = ? AND v.id = ? AND v.stamp_us = ?",
        (one.entity, one.id, one.stamp_us),
    ).fetchone()
    record = json.loads(body)
    prop = TAGS[one.entity]
    tag = record[prop]
    record[prop] = tag[:-2] + ("w" if tag[-2] == "v" else "v") + tag[-1]
    text = json.dumps(record, separators=(",", ":")).encode()
    connection.execute("UPDATE body SET record = ? WHERE rowid = ?", (text, rowid))
    return str(record[prop])


def connections_of(rng: random.Random) -> dict[str, str]:
    """Connection names and the names of their tokens: one for both hotels, or one each."""
    return rng.choice(({"portfolio": "portfolio"}, {"first": "hotel-1", "second": "hotel-2"}))


def build_sandbox(
    folder: Path, versions: list[Version], clock: Clock, seconds: float
) -> tuple[Sandbox, Store]:
    """A sandbox without a server. Its request limit counts by its own clock."""
    store = Store(folder)
    store.load(sorted([*hotels(), *versions], key=lambda one: one.stamp_us))
    exports = Exports(store, clock, folder / "exports", seconds=seconds, file_bytes=5 * LINE_BYTES)
    limit = RequestLimit(clock=lambda: clock.now_us() / SECOND_US)
    return Sandbox(
        store, clock, Authenticator(token_table(store.enterprises().items())), exports, limit
    ), store


def settled_days(days: int) -> Iterator[Window]:
    for day in range(days):
        yield Window(START + timedelta(days=day), START + timedelta(days=day + 1))
