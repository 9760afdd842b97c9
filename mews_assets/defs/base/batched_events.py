"""Dagster's event log on SQLite, with the planned events of a run in one transaction.

Lives here: an event log storage, named in `dagster.yaml`. Before a run of a backfill starts, Dagster stores an event
for each asset and partition of it, about 8 ms of CPU each. It offers them as one batch, which its own SQLite storage
writes one by one. Seen with Dagster 1.13. Not here: materialisations, which the ops store themselves (`event_tables`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData

BATCH_SIZE = 500
"""Rows in a transaction."""
_BATCH_SIZE_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"
"""Dagster's own: without it no batch is made."""


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log, in the instance's own folder: the files are those of the default storage."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        # The folder is known when the instance registers itself: until then nothing is read or written.
        self._instance_weakref = None
        self._inst_data = inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> BatchedSqliteEventLogStorage:
        return cls(inst_data)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Open the folder that Dagster's default storage uses, and let Dagster make batches."""
        folder = Path(instance.root_directory) / "history" / "runs"
        super().__init__(str(folder), self._inst_data)
        super().register_instance(instance)
        os.environ.setdefault(_BATCH_SIZE_VARIABLE, str(BATCH_SIZE))

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
