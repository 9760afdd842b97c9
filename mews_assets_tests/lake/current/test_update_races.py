"""An update of a current table among others, and among erasures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current import update
from mews_assets.lake.current.update import update_current
from mews_assets.lake.landing import repeat_write
from mews_assets.lake.landing.erasure_list import add_to_erasure_list
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.bucket import bucket_lake
from mews_assets_tests.lake.current.things import read
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, at, days, item, json_line, land
from mews_assets_tests.lake.planted import ANNA, CUSTOMERS, NOW, customer


@pytest.fixture(params=["here", "bucket"])
def any_lake(request: pytest.FixtureRequest, lake: Lake) -> Lake:
    return lake if request.param == "here" else bucket_lake()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeat_write, "_PAUSE_SECONDS", 0)


def test_of_two_updates_the_slower_one_takes_nothing_back(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(any_lake, ORDER_ITEMS, [item("a", at(2))], days(2, 3))
    merge(any_lake, ORDER_ITEMS, threads=1)
    real = Lake.put
    waiting = [True]

    @contextmanager
    def unlocked(*_: Any) -> Iterator[None]:
        yield

    def put(self: Lake, local: Path, name: str, **more: Any) -> None:
        if waiting and name.startswith(layout.CURRENT):
            waiting.pop()
            land(any_lake, ORDER_ITEMS, [item("b", at(3))], days(3, 4))
            merge(any_lake, ORDER_ITEMS, threads=1)
            update_current(any_lake, ORDER_ITEMS, NORTH, threads=1)
        real(self, local, name, **more)

    monkeypatch.setattr(Lake, "lock_here", unlocked)
    monkeypatch.setattr(Lake, "put", put)
    update_current(any_lake, ORDER_ITEMS, NORTH, threads=1)
    rows = read(any_lake, layout.current_file(ORDER_ITEMS.name, NORTH))
    assert [row["id"] for row in rows] == ["a", "b"]


def test_a_customer_erased_while_a_current_table_is_updated_is_not_in_it(
    any_lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure has not come to changes yet: what is read there still tells who she is."""
    land(any_lake, CUSTOMERS, json_line(customer(ANNA, 2)), days(2, 3))
    merge(any_lake, CUSTOMERS, threads=1)
    real = update._Update.run

    def run(self: Any, rebuilt: str) -> Any:
        done = real(self, rebuilt)
        add_to_erasure_list(any_lake, [ANNA], NOW)
        return done

    monkeypatch.setattr(update._Update, "run", run)
    result = update_current(any_lake, CUSTOMERS, NORTH, threads=1)
    (row,) = read(any_lake, layout.current_file(CUSTOMERS.name, NORTH))
    assert (row["id"], row["first_name"], result.rebuilt) == (ANNA, None, "customers were erased meanwhile")
