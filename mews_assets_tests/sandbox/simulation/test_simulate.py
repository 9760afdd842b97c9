"""What `simulate` promises about its versions as a whole."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

import pytest

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.sandbox.records.entities import GLOBAL_ENTITIES, STAMPS, key_of
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.simulation import simulate
from mews_assets.windows import from_api
from mews_assets_tests.sandbox.simulation.history import DAYS, NOW, History

DAY_US = 86_400_000_000
REFERENCE = {one.entity for one in REFERENCES}
CHANGING = [
    "OrderItem",
    "Payment",
    "Reservation",
    "Customer",
    "Company",
    "Bill",
    "AvailabilityAdjustment",
    "AvailabilityBlock",
    "ResourceBlock",
    "LedgerEntry",
    "OutletItem",
    "OutletBill",
    "ProductServiceOrder",
]
FINGERPRINT = """
import hashlib
from datetime import UTC, datetime
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.sandbox.records.entities import GLOBAL_ENTITIES, STAMPS, key_of
from mews_assets.sandbox.simulation import simulate
digest = hashlib.sha256()
for v in simulate(hotels=2, days=2, seed=5, now=datetime(2026, 3, 29, 12, tzinfo=UTC), rooms=8):
    digest.update(f"{v.entity} {v.id} {v.scope} {v.stamp_us}".encode() + v.record)
print(digest.hexdigest())
"""


def _fingerprint(versions: list[Version]) -> str:
    digest = hashlib.sha256()
    for v in versions:
        digest.update(f"{v.entity} {v.id} {v.scope} {v.stamp_us}".encode() + v.record)
    return digest.hexdigest()


def _small(**changes: object) -> list[Version]:
    arguments = {"hotels": 2, "days": 2, "seed": 5, "now": datetime(2026, 3, 29, 12, tzinfo=UTC), "rooms": 8}
    return list(simulate(**(arguments | changes)))  # type: ignore[arg-type]


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert _small() == _small()


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", FINGERPRINT],
        env={"PYTHONHASHSEED": "4711", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == _fingerprint(_small())


def test_another_seed_gives_other_hotels() -> None:
    ids, others = ({v.id for v in _small(seed=n) if v.entity not in GLOBAL_ENTITIES} for n in (5, 6))
    assert not ids & others


def test_now_in_another_time_zone_is_the_same_now() -> None:
    local = datetime(2026, 3, 29, 12, tzinfo=UTC).astimezone()
    assert _fingerprint(_small(now=local)) == _fingerprint(_small())


def test_reference_records_come_first(history: History) -> None:
    entities = [v.entity for v in history.versions]
    last_reference = max(n for n, entity in enumerate(entities) if entity in REFERENCE)
    assert set(entities[: last_reference + 1]) == REFERENCE


def test_versions_of_a_record_come_in_the_order_of_their_stamps_and_no_two_at_one(history: History) -> None:
    for pairs in history.states.values():
        for (before, _), (after, _) in pairwise(pairs):
            assert before.stamp_us < after.stamp_us


def test_the_stamp_is_the_records_own(history: History) -> None:
    for version in history.versions:
        _, record = history.states[version.entity, version.id][0]
        assert key_of(version.entity, record) == version.id
    for pairs in history.states.values():
        for version, record in pairs:
            stamp = STAMPS.get(version.entity, "UpdatedUtc")
            if not stamp:
                continue
            text = record[stamp]
            whole = from_api(text)
            assert (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) == version.stamp_us


def test_ledger_entries_are_immutable(history: History) -> None:
    assert all(len(pairs) == 1 for (entity, _), pairs in history.states.items() if entity == "LedgerEntry")


def test_records_are_one_compact_line_of_json(history: History) -> None:
    for version in history.versions:
        assert version.record.startswith(b'{"Id":"') or version.entity in REFERENCE
        assert b"\n" not in version.record


def test_ids_are_lower_case_version_4_uuids(history: History) -> None:
    named_by_id = {one.entity for one in REFERENCES if one.key == ("Id",)} | set(CHANGING)
    for entity, id in history.states:
        if entity not in named_by_id:
            continue
        assert len(id) == 36
        assert id == id.lower()
        assert id[14] == "4"
        assert id[19] in "89ab"


def test_every_day_has_versions_up_to_thirty_days_after_now(history: History) -> None:
    now = int(NOW.timestamp()) * 1_000_000
    days = Counter(v.stamp_us // DAY_US for v in history.versions)
    first, last = now // DAY_US - DAYS, (now + 30 * DAY_US) // DAY_US
    assert all(days[day] > 50 for day in range(first, last))
    assert max(v.stamp_us for v in history.versions) <= now + 30 * DAY_US


@pytest.mark.parametrize("entity", CHANGING)
def test_some_versions_are_stamped_exactly_at_midnight_utc(history: History, entity: str) -> None:
    assert any(v.stamp_us % DAY_US == 0 for v, _ in history.all(entity))


def test_few_stamps_have_fractions_and_some_of_those_seven_decimals(history: History) -> None:
    stamps = [
        record["UpdatedUtc"]
        for (kind, _), p in history.states.items()
        if kind not in REFERENCE and STAMPS.get(kind, "UpdatedUtc") == "UpdatedUtc"
        for _, record in p
    ]
    share = sum("." in stamp for stamp in stamps) / len(stamps)
    assert 0.01 < share < 0.15
    assert any(len(stamp) == len("2026-01-01T00:00:00.1234567Z") for stamp in stamps)


def test_hotels_differ_in_zone_and_currency_and_share_chains() -> None:
    versions = simulate(hotels=7, days=1, seed=1, now=NOW, rooms=8)
    history = History(list(takewhile(lambda v: v.entity in REFERENCE, versions)))
    enterprises = list(history.last("Enterprise").values())
    assert len({e["TimeZoneIdentifier"] for e in enterprises}) == 7
    assert len({e["ChainId"] for e in enterprises}) == 3
    assert {e["Pricing"] for e in enterprises} == {"Gross", "Net"}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_days() -> None:
    def peak(days: int) -> int:
        tracemalloc.start()
        for _ in simulate(hotels=1, days=days, seed=3, now=NOW, rooms=8):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(20)  # the bounded caches of dates and amounts fill up once
    short, long = peak(10), peak(100)
    assert long < short + 2_000_000  # the versions of 90 days more are 15 MB


@pytest.mark.parametrize("wrong", [{"hotels": 0}, {"days": 0}, {"rooms": 1}])
def test_nonsense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="needs at least"):
        _small(**wrong)


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        _small(now=datetime(2026, 1, 1))
