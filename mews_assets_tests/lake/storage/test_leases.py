"""Who may take a lease, and what becomes of a holder that lost it. The object store is one in memory."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage import leases
from mews_assets.lake.storage.leases import (
    CLOCKS_DIFFER_AT_MOST,
    DURATION,
    TAKEN_OVER_AFTER,
    Decision,
    Held,
    Holder,
    Lease,
    LeaseLostError,
    decide,
    freed,
    renewed,
    taken,
)
from mews_assets.lake.storage.store import ABSENT
from mews_assets_tests.lake.bucket import Bucket

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HERE, THERE = Holder("here", "here/1"), Holder("there", "there/1")
NAME = "state/leases/changes-payments.json"
NOTHING = timedelta()


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_POLL_SECONDS", (0.01,))


def take(bucket: Bucket, holder: Holder, over: Lease | None = None, version: str = ABSENT) -> Held:
    lease = taken(over, NOW, holder)
    return Held(bucket, NAME, lease, bucket.write(NAME, lease.to_json(), version))


def stored(bucket: Bucket) -> Lease:
    return Lease.from_json(bucket.read(NAME).data)


def test_a_lease_that_nobody_holds_is_taken() -> None:
    assert decide(None, NOTHING, NOW, HERE) is Decision.TAKE
    assert decide(freed(taken(None, NOW, THERE)), NOTHING, NOW, HERE) is Decision.TAKE


def test_a_lease_of_another_machine_is_waited_for_until_it_has_not_changed_for_long_enough() -> None:
    lease = taken(None, NOW, THERE)
    assert decide(lease, TAKEN_OVER_AFTER, NOW, HERE) is Decision.WAIT
    assert decide(lease, TAKEN_OVER_AFTER + timedelta(seconds=1), NOW, HERE) is Decision.TAKE
    assert TAKEN_OVER_AFTER > DURATION  # the holder stops first


@pytest.mark.parametrize("minutes", [-10, 10])
def test_clocks_that_differ_by_ten_minutes_take_no_lease_away(minutes: int) -> None:
    lease = taken(None, NOW + timedelta(minutes=minutes), THERE)
    assert decide(lease, timedelta(seconds=30), NOW, HERE) is Decision.WAIT


def test_a_lease_that_ended_long_ago_is_taken_without_waiting() -> None:
    lease = taken(None, NOW, THERE)
    long_after = lease.expires_at + CLOCKS_DIFFER_AT_MOST + timedelta(seconds=1)
    assert decide(lease, NOTHING, long_after, HERE) is Decision.TAKE


def test_a_lease_of_a_killed_process_of_this_machine_is_taken_at_once() -> None:
    """Whoever decides holds the machine's own lock, so the process before is gone."""
    assert decide(taken(None, NOW, Holder("here", "here/2")), NOTHING, NOW, HERE) is Decision.TAKE


def test_the_fencing_number_grows_whenever_the_lease_is_taken_and_survives_its_being_given_back() -> None:
    first = taken(None, NOW, HERE)
    second = taken(freed(renewed(first, NOW)), NOW, THERE)
    third = taken(second, NOW, HERE)
    assert [lease.fencing for lease in (first, second, third)] == [1, 2, 3]


def test_a_lease_is_written_and_read_as_it_is() -> None:
    lease = renewed(taken(None, NOW, HERE), NOW)
    assert Lease.from_json(lease.to_json()) == lease
    assert (lease.renewals, lease.expires_at) == (1, NOW + DURATION)


def test_a_holder_whose_lease_was_taken_over_neither_renews_it_nor_gives_it_back(bucket: Bucket) -> None:
    slow = take(bucket, THERE)
    fast = take(bucket, HERE, slow.lease, bucket.version(NAME))
    slow.renew(NOW)
    slow.free()
    assert stored(bucket) == fast.lease
    with pytest.raises(LeaseLostError, match="another one may do its work"):
        slow.confirm()
    fast.confirm()


def test_a_holder_that_could_not_renew_in_time_stops_though_nobody_took_over(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = take(bucket, HERE)
    held.confirm()
    later = leases.time.monotonic() + DURATION.total_seconds() + 1
    monkeypatch.setattr(leases.time, "monotonic", lambda: later)
    with pytest.raises(LeaseLostError, match="did not renew its lease for 6"):
        held.confirm()
    held.renew(NOW)
    held.confirm()


def test_a_lease_is_renewed_while_work_goes_on_and_given_back_after_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEWED_EVERY", timedelta(milliseconds=10))
    with leases.hold(bucket, NAME, "here"):
        while stored(bucket).renewals < 3:
            pass
    assert stored(bucket).is_free
    with leases.hold(bucket, NAME, "there"):
        assert stored(bucket).fencing == 2


def test_two_machines_work_one_after_the_other(bucket: Bucket) -> None:
    at_work: list[str] = []
    seen: list[int] = []

    def work(machine: str) -> None:
        with leases.hold(bucket, NAME, machine):
            at_work.append(machine)
            seen.append(len(at_work))
            at_work.remove(machine)

    machines = [threading.Thread(target=work, args=(f"m{number}",)) for number in range(4)]
    for machine in machines:
        machine.start()
    for machine in machines:
        machine.join(30)
    assert seen == [1, 1, 1, 1]
    assert stored(bucket).fencing == 4


def test_a_lease_that_cannot_be_read_says_so(bucket: Bucket) -> None:
    bucket.write(NAME, b"{}", None)
    with (
        pytest.raises(LakeError, match=r"changes-payments\.json does not hold a lease"),
        leases.hold(bucket, NAME, "a"),
    ):
        pass


def test_work_that_is_done_stays_done_though_its_lease_cannot_be_given_back(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise OSError(5, "the network is gone")

    with leases.hold(bucket, NAME, "here") as held:
        held.confirm()
        monkeypatch.setattr(Bucket, "write", broken)
    assert not stored(bucket).is_free
