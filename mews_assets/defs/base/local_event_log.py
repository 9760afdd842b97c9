"""Dagster's event log on SQLite, at a fraction of its cost.

Lives here: an event log storage, named in `dagster.yaml`. Dagster's own opens, checks and closes a database for every
event, and compiles each statement anew: 8 ms of CPU. This one keeps the last databases open. Before a run starts,
Dagster stores an event for each asset and partition of it, and offers them as one batch: this one stores them in one
transaction. Seen with Dagster 1.13. Not here: materialisations, which the ops store themselves (`event_tables`).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData

BATCH_SIZE = 500
"""Rows in a transaction."""
OPEN_DATABASES = 4
"""The index, and those of the runs that were used last: each run has a database of its own."""
_BATCH_SIZE_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
"""Dagster's own: without it no batch is made."""


class LocalEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, in the instance's own folder: the files are those of the default storage."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        # The folder is known when the instance registers itself: until then nothing is read or written.
        self._instance_weakref = None
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._inst_data = inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> LocalEventLogStorage:
        return cls(inst_data)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Open the folder that Dagster's default storage uses, and let Dagster make batches."""
        folder = Path(instance.root_directory) / "history" / "runs"
        super().__init__(str(folder), self._inst_data)
        super().register_instance(instance)
        os.environ.setdefault(_BATCH_SIZE_VARIABLE, str(BATCH_SIZE))

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        """A transaction in the index or in a run's database. The lock is Dagster's: threads take turns."""
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._initialized_dbs:
            self._initdb(self._new_engine(shard, sa.NullPool))
            self._initialized_dbs.add(shard)
        if shard not in self._engines:
            self._engines[shard] = self._new_engine(shard, sa.StaticPool)
        self._engines.move_to_end(shard)
        while len(self._engines) > OPEN_DATABASES:
            _, oldest = self._engines.popitem(last=False)
            oldest.dispose()
        return self._engines[shard]

    def _new_engine(self, shard: str, pool: type[sa.Pool]) -> sa.Engine:
        settings = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = sa.create_engine(self.conn_string_for_shard(shard), poolclass=pool, connect_args=settings)
        # Dagster's databases write ahead (WAL): a killed process loses nothing, and a power failure the last events at
        # most, which the lake has and `adopt` reports. The default waits for the disk at every event.
        sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=NORMAL"))
        return engine

    def dispose(self) -> None:
        """Close the databases."""
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store the events, in their order for each asset. Of planned materialisations all but the last one of each
        asset go into the tables together; the last one also writes the asset's own record."""
        last = {asset: event for event in events if (asset := _planned_asset(event))}
        together = [
            event for event in events if (asset := _planned_asset(event)) and event is not last[asset]
        ]
        rows = [self._event_to_row(event) for event in together]
        if rows:
            with self.run_connection(together[0].run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
            with self.index_connection() as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
        stored = set(map(id, together))
        for event in events:
            if id(event) not in stored:
                self.store_event(event)


def _planned_asset(event: dg.EventLogEntry) -> dg.AssetKey | None:
    """The asset of a planned materialisation; None for any other event."""
    if event.dagster_event is None:
        return None
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    return event.dagster_event.asset_key if event.dagster_event.event_type is planned else None
