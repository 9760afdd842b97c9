"""Leases: who works on what, among machines that share nothing but the object store.

Lives here: deciding whether a lease may be taken, taking it, renewing it while work goes on, and giving it back. Not
here: locks among the processes of one machine (`local_store`), which are held around a lease.

A lease keeps two machines from doing the same work. It does not make their writes safe: a holder that slept past its
lease may still write, and is then refused by the version of the file it replaces (`store`). So no row hangs on a clock.
Whether a holder is gone is measured on the waiting process's own clock, by a lease that does not change. The written
expiry only shortens that wait where it is long past, by more than any two clocks differ.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec

from mews_assets.lake.errors import LakeError, LostRaceError, PassingError
from mews_assets.lake.storage.store import ABSENT, Store

log = logging.getLogger(__name__)

DURATION = timedelta(seconds=60)
"""A holder that could not renew its lease for so long puts nothing in place any more."""
TAKEN_OVER_AFTER = timedelta(seconds=75)
"""A lease that did not change for so long is taken by who waits for it: longer, for a request on its way."""
RENEWED_EVERY = timedelta(seconds=15)
CLOCKS_DIFFER_AT_MOST = timedelta(minutes=15)
"""Two machines' clocks. It bounds waiting only: rows do not depend on it."""
_POLL_SECONDS = (0.2, 0.5, 1.0, 2.0)


class LeaseLostError(PassingError):
    """Another machine took over the work, because the lease was not renewed in time."""


@dataclass(frozen=True)
class Holder:
    """A process: its machine, which is one folder of locks, and itself."""

    machine: str
    process: str


@dataclass(frozen=True)
class Lease:
    """A lease as it is written. `fencing` grows by one whenever it is taken, and is never used twice; `renewals` grows
    while it is held. A free one has no machine and no process."""

    fencing: int
    machine: str
    process: str
    renewals: int
    expires_at: datetime

    @property
    def is_free(self) -> bool:
        return not self.process

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, content: bytes) -> Lease:
        """Raises ValueError if it is no lease."""
        return _DECODER.decode(content)


_DECODER = msgspec.json.Decoder(Lease)


class Decision(Enum):
    """What a process that wants a lease does about the one it sees."""

    TAKE = "take"
    WAIT = "wait"


def decide(lease: Lease | None, unchanged_for: timedelta, now: datetime, holder: Holder) -> Decision:
    """Whether the lease may be taken. `unchanged_for` is how long the waiting process has seen it as it is now.

    The waiting process holds its machine's lock of the same name. So a lease of the same machine is of a process that
    is gone.
    """
    if lease is None or lease.is_free or lease.machine == holder.machine:
        return Decision.TAKE
    is_still = unchanged_for > TAKEN_OVER_AFTER
    is_long_past = now > lease.expires_at + CLOCKS_DIFFER_AT_MOST
    return Decision.TAKE if is_still or is_long_past else Decision.WAIT


def taken(lease: Lease | None, now: datetime, holder: Holder) -> Lease:
    """The lease as its next holder writes it."""
    fencing = lease.fencing + 1 if lease is not None else 1
    return Lease(fencing, holder.machine, holder.process, 0, now + DURATION)


def renewed(lease: Lease, now: datetime) -> Lease:
    """The lease as its holder writes it while working."""
    return replace(lease, renewals=lease.renewals + 1, expires_at=now + DURATION)


def freed(lease: Lease) -> Lease:
    """The lease as its holder gives it back. Its fencing number stays, for the next one."""
    return replace(lease, machine="", process="", renewals=0)


class Held:
    """A lease that this process holds, as far as it knows."""

    def __init__(self, store: Store, name: str, lease: Lease, version: str) -> None:
        self._store, self._name, self.lease, self._version = store, name, lease, version
        self._renewed_at = time.monotonic()
        self._is_lost = False
        self._changing = threading.Lock()

    def confirm(self) -> None:
        """Raise LeaseLostError where another process holds the lease by now, or may: nothing is written any more."""
        silent = time.monotonic() - self._renewed_at
        if self._is_lost or silent > DURATION.total_seconds():
            raise LeaseLostError(
                f"{self._store.uri(self._name)}: this process did not renew its lease for {silent:.0f} s, and another "
                "one may do its work. What was not put in place yet is merged by the next run"
            )

    def renew(self, now: datetime) -> None:
        """Write that work goes on. A lost lease stays lost."""
        with self._changing:
            if not self._is_lost:
                self._write(renewed(self.lease, now))

    def free(self) -> None:
        """Give the lease back, unless another process has it."""
        with self._changing:
            if not self._is_lost:
                self._write(freed(self.lease))

    def _write(self, lease: Lease) -> None:
        at = time.monotonic()
        try:
            self._version = _replace(self._store, self._name, lease, self._version)
        except LostRaceError:
            self._is_lost = True
            log.warning("%s: another process took over the lease", self._store.uri(self._name))
            return
        self.lease, self._renewed_at = lease, at


@contextmanager
def hold(store: Store, name: str, machine: str) -> Iterator[Held]:
    """Hold the lease of a name until the block ends, renewed by a thread. Waits for whoever holds it."""
    held = _acquire(
        store, name, Holder(machine, f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:12]}")
    )
    is_over = threading.Event()

    def renew() -> None:
        while not is_over.wait(RENEWED_EVERY.total_seconds()):
            try:
                held.renew(datetime.now(UTC))
            except OSError as error:  # the next try may go well; `confirm` says when there was none in time
                log.warning("%s: the lease was not renewed: %s", store.uri(name), error)

    renewing = threading.Thread(target=renew, name=f"lease {name}", daemon=True)
    renewing.start()
    try:
        yield held
    finally:
        is_over.set()
        renewing.join()
        try:
            held.free()
        except OSError as error:  # it expires
            log.warning("%s: the lease was not given back: %s", store.uri(name), error)


def _acquire(store: Store, name: str, holder: Holder) -> Held:
    seen: tuple[str, float] | None = None
    tries = 0
    while True:
        lease, version = _read(store, name)
        at = time.monotonic()
        if seen is None or seen[0] != version:
            seen = (version, at)
        now = datetime.now(UTC)
        if decide(lease, timedelta(seconds=at - seen[1]), now, holder) is Decision.TAKE:
            mine = taken(lease, now, holder)
            try:
                return Held(store, name, mine, _replace(store, name, mine, version))
            except LostRaceError:
                continue  # another process was faster
        elif not tries and lease is not None:
            log.info("waiting for %s, which %s holds until %s", name, lease.process, lease.expires_at)
        time.sleep(_POLL_SECONDS[min(tries, len(_POLL_SECONDS) - 1)])
        tries += 1


def _read(store: Store, name: str) -> tuple[Lease | None, str]:
    try:
        found = store.read(name)
    except FileNotFoundError:
        return None, ABSENT
    try:
        return Lease.from_json(found.data), found.version
    except ValueError:
        raise LakeError(
            f"{store.uri(name)} does not hold a lease. Remove it when no run is at work on it"
        ) from None


def _replace(store: Store, name: str, lease: Lease, version: str) -> str:
    return store.write(name, lease.to_json(), version)
