"""Names that a reader could take for something else, and a lake gone through from landing to marts under one.

Lives here: the names, and `tour`, which does to a lake all that is ever done to one and gives what came of it. Under
any name the same must come, whatever stands beside.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq

from mews_assets import catalog
from mews_assets.catalog.entities.reference import ENTERPRISES, REFERENCES
from mews_assets.catalog.privacy import Pii, Privacy
from mews_assets.lake.changes.merge import measure_existing, merge
from mews_assets.lake.current.snapshot import merge_snapshots
from mews_assets.lake.current.update import update_current
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.landing.reference_tables import write_reference
from mews_assets.lake.maintenance.change_policy import change_policy
from mews_assets.lake.maintenance.expire_captures import expire
from mews_assets.lake.quality.references import resolve
from mews_assets.lake.quality.volume import volumes
from mews_assets.lake.reading.inventory import inventory
from mews_assets.lake.reading.sql_views import query, write_catalog
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.marts.make import compute
from mews_assets.marts.money.daily_revenue import DAILY_REVENUE
from mews_assets.windows import ALL_TIME
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, at, days, item, land, partition, write_file

NAMES = {
    "a[1]": "a1",
    "a*b": "axxb",
    "a?b": "axb",
    "{a,b}": "a",
    "a%20b": "a b",
    "a#b": "a",
    "a,b": "a",
    "it's": "its",
    'a"b': "ab",
    "a=b": "a",
    "~": "home",
    " a b ": "a b",
    "é": "e\u0301",
    "\u65e5\u672c \U0001f600": "e",
    "a\\b": "a",
    "a\nb": "a",
    "[!a]-**-[[]": "b-x-[",
    "state=prod": "state=test",
    "id=7": "id=8",
    "scope=berlin": "scope=rome",
    "window=2020-01-01": "window=2020-01-02",
    "_landing_id=x/enterprise_id=y": "_landing_id=z",
}
"""Each with a neighbour that a pattern, a cut name or a decoded one could mean."""
WORST = "a[1]*?{b,c}%20#,it's\"=~ é state=prod"
"""All of it in one name."""
CUSTOMERS = catalog.table("customers")
SOLD = {
    "ConsumedUtc": "2026-03-02T12:00:00Z",
    "Type": "SpaceOrder",
    "AccountingState": "Open",
    "Amount": {"Currency": "EUR", "NetValue": 100.0, "GrossValue": 110.0, "TaxValues": []},
}
GUEST = "c0ffee66-1111-4222-8333-444455556666"
LATER = datetime(2026, 5, 1, tzinfo=UTC)
MOMENT = datetime(2026, 4, 1, tzinfo=UTC)


def tour(lake: Lake, asks: Sequence[str] = ()) -> dict[str, Any]:
    """Land, merge, fold, take in a snapshot, make a mart, hide, forget, expire; and what each came to."""
    found: dict[str, Any] = {}
    _items(lake, "a", 0, [item("i1", at(2), **SOLD), item("i2", at(2, 3), **SOLD)])
    _items(lake, "b", 1, [item("i1", at(2), **SOLD), item("i1", at(3), **SOLD), item("i3", at(3, 1), **SOLD)])
    found["changes"] = _rows(lake, layout.changes_folder("order_items"))
    found["measured"] = [
        (one.measures.rows, one.measures.rows_outside_window, one.measures.duplicate_keys)
        for one in measure_existing(lake, ORDER_ITEMS, [partition(2), partition(3)]).values()
    ]
    update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    _snapshot(lake, [item("i0", at(1)), item("i1", at(1))])
    update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    found["snapshot"] = _rows(lake, layout.snapshot_folder("order_items"))
    found["current"] = _rows(lake, layout.current_folder("order_items"))
    hotel = {"Id": NORTH, "Name": "North", "TimeZoneIdentifier": "Europe/Prague"}
    write_reference(lake, ENTERPRISES, [json.dumps(hotel).encode()], MOMENT, [NORTH])
    write_reference(lake, ENTERPRISES, [json.dumps(hotel).encode()], MOMENT, [NORTH])
    for name in ("services", "accounting_categories", "outlets"):
        reference = next(one for one in REFERENCES if one.name == name)
        write_reference(lake, reference, [], MOMENT, [])
    found["reference"] = _rows(lake, layout.REFERENCE)
    found["mart"] = compute(lake, DAILY_REVENUE, LATER).to_pylist()
    found["holdings"] = {
        scope: (held.rows, sorted(held.windows)) for scope, held in inventory(lake, ORDER_ITEMS).items()
    }
    found["volumes"] = {
        str(one): volume.rows for one, volume in volumes(lake, ORDER_ITEMS, [partition(2)]).items()
    }
    found["references"] = [one.at for one in resolve(lake, ORDER_ITEMS, [partition(2)])[partition(2)]]
    if asks:
        write_catalog(lake)
    for text in asks:
        with query(lake, text) as result:
            found[text] = result.fetchall()
    _people(lake, found)
    return found


def _people(lake: Lake, found: dict[str, Any]) -> None:
    """What is done about guests, and about what is old."""
    for day, email in ((2, "zoraya@planted.example"), (3, "z@planted.example")):
        guest = {"Id": GUEST, "ChainId": NORTH, "Email": email, "UpdatedUtc": f"2026-03-0{day}T05:00:00Z"}
        land(lake, CUSTOMERS, [guest], days(day, day + 1), capture=f"guest-{day}", captured_at=MOMENT)
        merge(lake, CUSTOMERS, threads=1)
    change_policy(lake, [CUSTOMERS], Privacy(Pii.HASH, b"a key that nobody guesses"))
    found["hidden"] = _rows(lake, layout.changes_folder("customers"))
    change_policy(lake, [CUSTOMERS], Privacy())
    found["shown"] = _rows(lake, layout.changes_folder("customers"))
    done = erase_customer(lake, [CUSTOMERS], GUEST, LATER)
    found["forgotten"] = (done.files, done.records, done.found.remaining)
    found["redacted"] = _rows(lake, layout.changes_folder("customers"))
    expired = expire(lake, ORDER_ITEMS, [ORDER_ITEMS], LATER, LATER)
    found["expired"] = (expired.captures, expired.files)


def _items(lake: Lake, capture: str, minutes: int, records: list[dict[str, Any]]) -> None:
    moment = MOMENT + timedelta(minutes=minutes)
    land(lake, ORDER_ITEMS, records, days(2, 4), capture=capture, captured_at=moment)
    merged = merge(lake, ORDER_ITEMS, threads=1)
    assert not merged.rejected, merged.rejected


def _snapshot(lake: Lake, records: list[dict[str, Any]]) -> None:
    name = layout.snapshot_landing("order_items")
    with lake.workspace() as workspace:
        sources = [write_file(workspace / "part.jsonl", records)]
        capture_store.land(
            lake, Manifest("s", name, "portfolio", (NORTH,), ALL_TIME, MOMENT), sources, workspace
        )
    merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)


def _rows(lake: Lake, folder: str) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in lake.files(folder, recursive=True):
        with lake.open_input_file(name) as source:
            found[name] = pq.read_table(source).to_pylist()
    return found
