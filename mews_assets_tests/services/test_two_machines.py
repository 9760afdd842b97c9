"""Two machines on one lake in an object store: no row is lost, nobody comes back, and no work is done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto")
from mews_assets.ingest.lake_probe import probe_lake
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.current.update import update_current
from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.landing import capture_states
from mews_assets.lake.reading.sql_views import query
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.lake.storage.object_store import ObjectStore
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, at, days, everything, item, land
from mews_assets_tests.lake.planted import ANNA, CUSTOMERS, customer, json_line
from mews_assets_tests.services.machines import LAKE, Machine, ended, objects_with
from mews_assets_tests.services.s3 import S3Server, running_s3

pytestmark = pytest.mark.services

MERGE = "merge(lake, {table}, threads=1)"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running_s3() as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture
def lake(server: S3Server) -> Lake:
    return open_lake(LAKE, Grain.DAILY)


class HeldPut:
    """The first PUT of a file whose key has an ending, held up on its way until it is let go."""

    def __init__(self, server: S3Server, part: str) -> None:
        self._part, self._server = part, server
        self.arrived, self._go, self._first = threading.Event(), threading.Event(), threading.Lock()
        server.before = self._before

    def _before(self, kind: str, key: str) -> None:
        if kind == "PUT" and self._part in key and self._first.acquire(blocking=False):
            self.arrived.set()
            assert self._go.wait(120)

    def let_go(self) -> None:
        self._go.set()


def ids(lake: Lake) -> list[str]:
    return sorted(one for found in everything(lake, ORDER_ITEMS).values() for one in found["id"].to_pylist())


def test_a_late_put_replaces_no_rows_of_another_machine(lake: Lake, server: S3Server, tmp_path: Path) -> None:
    """The first machine sleeps in the middle of its PUT, loses its lease, and wakes up."""
    land(lake, ORDER_ITEMS, [item("stood", at(2))], days(2, 3))
    merge(lake, ORDER_ITEMS, threads=1)
    land(lake, ORDER_ITEMS, [item(f"slow-{one}", at(2, 1)) for one in range(5)], days(2, 3), capture="slow")
    held = HeldPut(server, "changes/order_items")
    slow = Machine("slow", tmp_path, server, sleeps=True).start(MERGE.format(table="ORDER_ITEMS"))
    assert held.arrived.wait(60)
    land(lake, ORDER_ITEMS, [item(f"fast-{one}", at(2, 2)) for one in range(335)], days(2, 3), capture="fast")
    fast = Machine("fast", tmp_path, server, waits_seconds=1).start(MERGE.format(table="ORDER_ITEMS"))
    ended(fast)
    held.let_go()
    ended(slow, code=None)
    assert len(ids(lake)) == 341
    merge(lake, ORDER_ITEMS, threads=1)
    assert len(ids(lake)) == 341
    assert not capture_states.pending(lake, "order_items")


def test_a_new_partition_that_two_machines_make_holds_the_rows_of_both(
    lake: Lake, server: S3Server, tmp_path: Path
) -> None:
    land(lake, ORDER_ITEMS, [item("slow", at(2, 1))], days(2, 3), capture="slow")
    held = HeldPut(server, "changes/order_items")
    slow = Machine("slow", tmp_path, server, sleeps=True).start(MERGE.format(table="ORDER_ITEMS"))
    assert held.arrived.wait(60)
    land(lake, ORDER_ITEMS, [item("fast", at(2, 2))], days(2, 3), capture="fast")
    ended(Machine("fast", tmp_path, server, waits_seconds=1).start(MERGE.format(table="ORDER_ITEMS")))
    held.let_go()
    ended(slow, code=None)
    merge(lake, ORDER_ITEMS, threads=1)
    assert ids(lake) == ["fast", "slow"]


@pytest.mark.parametrize("is_known", [True, False], ids=["in the partition", "new to it"])
def test_a_forgotten_person_does_not_come_back_with_a_merge_of_another_machine(
    lake: Lake, server: S3Server, tmp_path: Path, is_known: bool
) -> None:
    first = "d0ffee-1111-4222-8333-444455556666"
    others = json_line(
        customer(first, 2, FirstName="Petra", Email="p@else.example", NewField="", Passport=None)
    )
    land(lake, CUSTOMERS, others + (json_line(customer(ANNA, 2)) if is_known else b""), days(2, 3))
    merge(lake, CUSTOMERS, threads=1)
    land(
        lake,
        CUSTOMERS,
        json_line(customer(ANNA, 2, Number="78", UpdatedUtc="2026-03-02T06:00:00Z")),
        days(2, 3),
    )
    held = HeldPut(server, "changes/customers")
    slow = Machine("slow", tmp_path, server, sleeps=True).start(MERGE.format(table="CUSTOMERS"))
    assert held.arrived.wait(60)
    forget = Machine("other", tmp_path, server, waits_seconds=1).start(
        "done = erase_customer(lake, catalog.TABLES, ANNA, NOW)\nprint(done.found.remaining)"
    )
    assert "{}" in ended(forget)
    held.let_go()
    ended(slow, code=None)
    merge(lake, CUSTOMERS, threads=1)
    assert objects_with(lake, b"Zoraya") == []
    names = [found["first_name"].to_pylist() for found in everything(lake, CUSTOMERS).values()]
    assert [len(one) for one in names] == [3 if is_known else 2]


def test_merges_and_erasures_of_two_machines_wait_for_each_other(
    lake: Lake, server: S3Server, tmp_path: Path
) -> None:
    """A lease that is renewed is not taken: the second machine finds the work done, and puts nothing."""
    land(lake, ORDER_ITEMS, [item("a", at(2))], days(2, 3))
    held = HeldPut(server, "changes/order_items")
    first = Machine("first", tmp_path, server).start(MERGE.format(table="ORDER_ITEMS"))
    assert held.arrived.wait(60)
    second = Machine("second", tmp_path, server).start("print(merge(lake, ORDER_ITEMS, threads=1).captures)")
    while ("GET", "lake/state/leases/changes-order_items.json") not in server.keys[-3:]:
        assert second.poll() is None
    held.let_go()
    ended(first)
    assert "{}" in ended(second)
    puts = [key for kind, key in server.keys if kind == "PUT" and "changes/order_items" in key]
    assert len([key for key in puts if key.endswith("rows.parquet")]) == 1


def test_a_killed_holder_is_followed_at_once_on_its_machine_and_after_its_lease_on_another(
    lake: Lake, server: S3Server, tmp_path: Path
) -> None:
    for number, follower in enumerate(("first", "second")):
        land(lake, ORDER_ITEMS, [item(f"a{number}", at(2, number))], days(2, 3))
        held = HeldPut(server, "changes/order_items")
        killed = Machine("first", tmp_path, server).start(MERGE.format(table="ORDER_ITEMS"))
        assert held.arrived.wait(60)
        killed.kill()
        killed.communicate()
        held.let_go()
        next_one = Machine(follower, tmp_path, server, waits_seconds=2).start(
            MERGE.format(table="ORDER_ITEMS")
        )
        ended(next_one)
        assert ids(lake) == [f"a{one}" for one in range(number + 1)]


def test_a_copy_is_one_version_though_the_file_is_replaced_while_it_is_read(
    lake: Lake, server: S3Server
) -> None:
    old, new = b"o" * 3_000_000, b"n" * 9_000_000
    lake.write("marts/x/rows.parquet", old)
    reads = iter(range(100))

    def replace(kind: str, key: str) -> None:
        if kind == "GET" and key.endswith("rows.parquet") and next(reads) == 1:
            lake.write("marts/x/rows.parquet", new)

    server.before = replace
    with lake.workspace() as workspace:
        assert lake.local_copy("marts/x/rows.parquet", workspace).read_bytes() == old


def test_a_long_file_that_is_replaced_while_it_is_looked_into_is_no_mixture(lake: Lake) -> None:
    lake.write("marts/x/rows.parquet", b"o" * 3_000_000)
    with lake.open_input_file("marts/x/rows.parquet") as source:
        assert source.read(10) == b"o" * 10
        lake.write("marts/x/rows.parquet", b"n" * 3_000_000)
        with pytest.raises(LostRaceError):
            source.read(10)


def test_a_write_whose_answer_was_lost_is_not_taken_for_another_writers(lake: Lake, server: S3Server) -> None:
    lost = iter([True])
    server.loses_answer = lambda kind, key: kind == "PUT" and next(lost, False)
    assert lake.change_json("state/x.json", lambda content: {"count": (content or {"count": 0})["count"] + 1})
    assert lake.read_json("state/x.json") == {"count": 1}


def test_tables_in_the_object_store_are_asked_by_sql(lake: Lake) -> None:
    land(lake, ORDER_ITEMS, [item("a", at(2)), item("a", at(3)), item("b", at(3))], days(2, 4))
    merge(lake, ORDER_ITEMS, threads=1)
    update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    for table, rows in (("changes", 3), ("current", 2)):
        with query(lake, f"SELECT count(*) FROM {table}.order_items WHERE scope = '{NORTH}'") as result:
            assert result.fetchall() == [(rows,)]


def test_doctor_tells_an_object_store_that_ignores_conditions(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (written, *_) = probe_lake(LAKE, Grain.DAILY)
    assert "can be written" in str(written)
    real = ObjectStore._put
    monkeypatch.setattr(
        ObjectStore, "_put", lambda self, name, content, over: real(self, name, content, None)
    )
    (refused, *_) = probe_lake(LAKE, Grain.DAILY)
    assert "ignores conditions" in str(refused)


def test_many_machines_change_one_file_and_none_of_their_changes_is_lost(
    lake: Lake, server: S3Server, tmp_path: Path
) -> None:
    work = """
for number in range(10):
    lake.change_json("state/x.json", lambda content: {**(content or {}), f"{sys.argv[0]}-NAME-{number}": 1})
"""
    started = [
        Machine(name, tmp_path, server).start(work.replace("NAME", name)) for name in ("one", "two", "three")
    ]
    for process in started:
        ended(process)
    assert len(lake.read_json("state/x.json")) == 30


def test_a_lake_that_two_machines_lay_at_once_has_the_settings_of_the_first(server: S3Server) -> None:
    """Both open it before either has written: the windows of one would be read as the other's."""
    again = threading.Event()

    def lay(kind: str, key: str) -> None:
        if kind == "PUT" and not again.is_set():
            again.set()
            open_lake(LAKE, Grain.WEEKLY)

    server.before = lay
    with pytest.raises(Exception, match="laid with weekly windows"):
        open_lake(LAKE, Grain.DAILY)
