"""The store against a plain list: what is visible, when, and in which order."""

import tempfile
import tracemalloc
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.sandbox.records.record_query import Intervals, RecordQuery, Within
from mews_assets.sandbox.records.store import Store
from mews_assets.sandbox.records.versions import Version


@pytest.mark.slow
def test_loading_and_reading_keep_memory_flat(tmp_path):
    """20,000 records of 1 kB pass through, 20 MB in all; what is held is a batch of rows on its way."""
    texts = (b'{"Id":"%d","Text":"%s"}' % (n, b"x" * 1_000) for n in range(20_000))
    versions = (Version("Bill", str(n), "north", n, text) for n, text in enumerate(texts))
    with closing(Store(tmp_path)) as store:
        tracemalloc.start()
        store.load(versions)
        assert sum(1 for _ in store.records(RecordQuery("Bill", 10**6))) == 20_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 12_000_000


stamps = st.integers(0, 9)
ids = st.sampled_from("abc")
scopes = st.sampled_from(["north", "south", ""])
histories = st.lists(st.tuples(ids, stamps), unique=True, max_size=20).flatmap(
    lambda pairs: st.tuples(st.just(pairs), st.lists(scopes, min_size=3, max_size=3))
)


def built(pairs, of):
    """Versions in any order; a record's scope never changes."""
    for one, stamp in pairs:
        record = msgspec.json.encode({"Id": one, "Stamp": stamp})
        yield Version("Bill", one, of["abc".index(one)], stamp, record)


def newest(versions, at, seen):
    """What a reader of a plain list would see: (id, stamp) by id."""
    found = {}
    for version in sorted(versions, key=lambda version: version.stamp_us):
        if version.stamp_us <= at and version.scope in seen:
            found[version.id] = version.stamp_us
    return found


@settings(max_examples=60, deadline=None)
@given(histories, stamps, stamps, stamps, st.booleans(), st.sampled_from(Intervals))
def test_the_newest_version_at_an_instant_is_seen_and_only_in_its_window(
    history, at, low, high, unscoped, intervals
):
    pairs, of = history
    versions = list(built(pairs, of))
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.load(versions)
        store.intervals = intervals
        question = RecordQuery("Bill", at, {"north"}, unscoped, (Within("UpdatedUtc", low, high),))
        seen = {"north", ""} if unscoped else {"north"}
        last = high if intervals is Intervals.INCLUSIVE or low == high else high - 1
        expected = {one: stamp for one, stamp in newest(versions, at, seen).items() if low <= stamp <= last}
        found = [msgspec.json.decode(record) for record in store.records(question)]
        assert {one["Id"]: one["Stamp"] for one in found} == expected
        assert [one["Stamp"] for one in found] == sorted(one["Stamp"] for one in found)


@settings(max_examples=60, deadline=None)
@given(histories, stamps, st.integers(1, 3))
def test_pages_together_hold_every_record_once_newest_first(history, at, count):
    pairs, of = history
    versions = list(built(pairs, of))
    born = {one: min(stamp for other, stamp in pairs if other == one) for one, _ in pairs}
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.load(versions)
        seen, after = [], None
        while page := store.page(RecordQuery("Bill", at), count, after):
            seen += [found.id for found in page]
            after = page[-1].id
    visible = newest(versions, at, {"north", "south", ""})
    assert seen == sorted(visible, key=lambda one: (born[one], one), reverse=True)


@settings(max_examples=30, deadline=None)
@given(histories, st.lists(ids, max_size=6))
def test_versions_put_later_end_the_ones_before(history, puts):
    pairs, of = history
    versions = list(built(pairs, of))
    with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder))) as store:
        store.load(versions)
        for stamp, one in enumerate(puts, 10):
            version = next(built([(one, stamp)], of))
            store.put(version)
            versions.append(version)
        for at in range(17):
            found = [msgspec.json.decode(record) for record in store.records(RecordQuery("Bill", at))]
            assert {one["Id"]: one["Stamp"] for one in found} == newest(versions, at, {"north", "south", ""})


def test_a_version_that_becomes_visible_late_is_hidden_until_then(tmp_path):
    """Its older version is sent meanwhile; one that a newer version has overtaken is never seen."""

    def made(name, stamp_us, shown_us, text):
        record = b'{"Id":"%s","Name":"%s"}' % (name.encode(), text.encode())
        return Version("Bill", name, "s", stamp_us, record, shown_us)

    (tmp_path / "store").mkdir()
    store = Store(tmp_path / "store")
    store.load([
        made("a", 10, None, "first"), made("a", 20, 50, "late"),
        made("b", 10, None, "first"), made("b", 20, 50, "overtaken"), made("b", 30, None, "newest"),
        made("c", 20, 50, "late"),
    ])  # fmt: skip

    def seen(at_us):
        return sorted(msgspec.json.decode(one)["Name"] for one in store.records(RecordQuery("Bill", at_us)))

    assert seen(25) == ["first", "first"]
    assert seen(49) == ["first", "newest"]
    assert seen(50) == ["late", "late", "newest"]
    store.close()
