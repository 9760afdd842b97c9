"""Where versions are stored: one SQLite file in the sandbox's temporary folder.

Lives here: loading, adding one version, and reading the records that are visible at an instant. Not here:
the conditions (`record_query`), and who may see what (`access_control`).

A version is visible at T when `shown_us <= T < until_us`: from its stamp on, unless it becomes visible later, until a
later version of the record is. `born_us` is the stamp of its first one: pages are ordered by it, newest first, so that
a record that changes while a client reads pages keeps its place. Records are in a table of their own: the narrow table
is sorted and searched without touching them, and memory stays flat however many there are.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from mews_assets.sandbox.clock import read_micros
from mews_assets.sandbox.records.record_query import Intervals, RecordQuery
from mews_assets.sandbox.records.versions import Version

FOREVER_US = 2**62
BATCH_ROWS = 2_000
LOAD_CACHE_KIB = 64 * 1024
READ_CACHE_KIB = 8 * 1024
"""SQLite's page cache, per connection: one connection loads, and every thread that answers has one to read."""

SCHEMA = """
CREATE TABLE body (record BLOB NOT NULL);
CREATE TABLE version (
  entity TEXT NOT NULL, id TEXT NOT NULL, scope TEXT NOT NULL, stamp_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL, born_us INTEGER NOT NULL, shown_us INTEGER NOT NULL,
  parent TEXT, posting TEXT, active INTEGER, body INTEGER NOT NULL
);
"""
INDEXES = """
CREATE INDEX by_id ON version (entity, id, stamp_us);
CREATE TEMP TABLE life AS
  SELECT rowid AS of, first_value(stamp_us) OVER record AS born_us, coalesce(
      min(shown_us) OVER (record ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), {forever}) AS until_us
  FROM version WINDOW record AS (PARTITION BY entity, id ORDER BY stamp_us, rowid);
UPDATE version SET until_us = life.until_us, born_us = life.born_us FROM life
  WHERE life.of = version.rowid AND (life.until_us <> version.until_us OR life.born_us <> version.born_us);
DROP TABLE life;
CREATE INDEX by_stamp ON version (entity, stamp_us, until_us, scope, born_us, id, shown_us);
CREATE INDEX by_bill ON version (entity, parent);
CREATE INDEX by_posting ON version (entity, posting);
"""
INSERT = "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
PARENTS = {"OutletItem": "BillId"}
"""What the column `parent` holds: the bill of an outlet item, the service of everything else."""


class Found(NamedTuple):
    """One record of a page."""

    id: str
    scope: str
    record: bytes


class _Keys(msgspec.Struct):
    """The properties that have a column of their own."""

    ServiceId: str | None = None
    BillId: str | None = None
    PostingDate: str | None = None
    IsActive: bool | None = None


class Store:
    """Versions on disk. Any thread may read; each gets a connection of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "versions.sqlite"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._keys = msgspec.json.Decoder(_Keys)
        self._bodies = 0
        self.intervals = Intervals.HALF_OPEN
        """How the intervals of queries are read."""
        # Nothing here outlives the process, so nothing needs to survive a crash while loading.
        connection = self._connection()
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)

    def load(self, versions: Iterable[Version]) -> int:
        """Fill the empty store; returns how many versions it holds. Call once, before the first read."""
        connection, source = self._connection(), iter(versions)
        connection.execute(f"PRAGMA cache_size = -{LOAD_CACHE_KIB}")
        connection.execute("BEGIN")
        while batch := list(islice(source, BATCH_ROWS)):
            rows = [
                self._row(version, self._bodies + n, version.stamp_us) for n, version in enumerate(batch, 1)
            ]
            connection.executemany("INSERT INTO body VALUES (?)", ((version.record,) for version in batch))
            connection.executemany(INSERT, rows)
            self._bodies += len(batch)
        connection.execute("COMMIT")
        connection.executescript(INDEXES.format(forever=FOREVER_US))
        connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA cache_size = -{READ_CACHE_KIB}")
        return self._bodies

    def put(self, version: Version) -> None:
        """Add one version, which must be the newest of its record. Raises ValueError when it is not.

        A version with the stamp of the newest replaces it: a record that was changed without a new stamp.
        """
        with self._lock:
            connection = self._connection()
            born_us = version.stamp_us
            key = (version.entity, version.id)
            newest = connection.execute(
                "SELECT rowid, stamp_us, born_us FROM version INDEXED BY by_id WHERE entity = ? AND id = ? "
                "ORDER BY stamp_us DESC LIMIT 1",
                key,
            ).fetchone()
            if newest and newest[1] > version.stamp_us:
                raise ValueError(f"{version.entity} {version.id} already has a version that is newer")
            connection.execute("BEGIN IMMEDIATE")
            if newest and newest[1] == version.stamp_us:
                born_us = newest[2]
                connection.execute("DELETE FROM version WHERE rowid = ?", (newest[0],))
            elif newest:
                born_us = newest[2]
                update = "UPDATE version SET until_us = ? WHERE rowid = ?"
                connection.execute(update, (version.stamp_us, newest[0]))
            self._bodies += 1
            connection.execute("INSERT INTO body VALUES (?)", (version.record,))
            connection.execute(INSERT, self._row(version, self._bodies, born_us))
            connection.execute("COMMIT")

    def records(self, question: RecordQuery) -> Iterator[bytes]:
        """Every record that the query selects, oldest change first, streamed."""
        where, values = question.where(self.intervals)
        sql = f"SELECT (SELECT record FROM body WHERE rowid = v.body) {where} ORDER BY v.stamp_us, v.id"  # noqa: S608
        yield from (row[0] for row in self._connection().execute(sql, values))

    def page(self, question: RecordQuery, count: int, after: str | None) -> list[Found] | None:
        """Up to `count` records, newest first, from after the record named `after`.

        None when there is no record of that name.
        """
        connection = self._connection()
        where, values = question.where(self.intervals)
        if after is not None:
            place = connection.execute(
                "SELECT born_us FROM version INDEXED BY by_id WHERE entity = ? AND id = ? LIMIT 1",
                (question.entity, after),
            ).fetchone()
            if place is None:
                return None
            where += " AND (v.born_us, v.id) < (?, ?)"
            values += [place[0], after]
        order = "ORDER BY v.born_us DESC, v.id DESC LIMIT ?"
        sql = f"SELECT v.id, v.scope, v.body {where} {order}"
        rows = connection.execute(sql, [*values, count]).fetchall()
        one = "SELECT record FROM body WHERE rowid = ?"
        return [Found(row[0], row[1], connection.execute(one, (row[2],)).fetchone()[0]) for row in rows]

    def enterprises(self) -> dict[str, str]:
        """The chain of every enterprise, in the order in which they were loaded."""
        rows = self._connection().execute(
            "SELECT v.id, CAST(b.record AS TEXT) ->> '$.ChainId' FROM version v INDEXED BY by_id "
            "JOIN body b ON b.rowid = v.body WHERE v.entity = 'Enterprise' ORDER BY v.body"
        )
        return {row[0]: str(row[1]).lower() for row in rows}

    def scope_of(self, entity: str, record_id: str) -> str | None:
        """The scope of a record, or None when there is no such record."""
        row = (
            self._connection()
            .execute(
                "SELECT scope FROM version INDEXED BY by_id WHERE entity = ? AND id = ? LIMIT 1",
                (entity, record_id),
            )
            .fetchone()
        )
        return str(row[0]) if row else None

    def close(self) -> None:
        for connection in self._opened:
            connection.close()

    def _row(self, version: Version, body: int, born_us: int) -> tuple[object, ...]:
        keys = self._keys.decode(version.record)
        parent = keys.BillId if version.entity in PARENTS else keys.ServiceId
        return (
            version.entity,
            version.id,
            version.scope,
            version.stamp_us,
            FOREVER_US,
            born_us,
            version.stamp_us if version.shown_us is None else max(version.stamp_us, version.shown_us),
            parent and parent.lower(),
            keys.PostingDate,
            keys.IsActive,
            body,
        )

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, check_same_thread=False, isolation_level=None, timeout=30
            )
            connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
            connection.create_function("micros", 1, _micros, deterministic=True)
            self._local.connection = connection
            self._opened.append(connection)
        return connection


def _micros(text: str | None) -> int | None:
    return None if text is None else read_micros(text)
