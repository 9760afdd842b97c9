"""The hotels of a lake, each with its clock, or with the fault of its clock.

Lives here: the tables `hotels` and `clocks` for queries. A hotel whose clock cannot be read stops no other: its `fault`
says why, and the marts leave its rows out and report them.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.duckdb_session import create_temp_table
from mews_assets.marts import zones
from mews_assets.marts.clocks import Clock, clock_table, read_clock
from mews_assets.windows import to_api

_READ = "SELECT id, name, time_zone_identifier, business_day_closing_offset FROM reference.enterprises ORDER BY id"


def make_hotels(engine: duckdb.DuckDBPyConnection, as_of: datetime, since: datetime | None) -> None:
    """`hotels` (enterprise_id, enterprise, clock, fault), one row each, and `clocks` (see `clocks.clock_table`).

    From `since` on the lake holds all updates. Raises LakeError on an `as_of` outside of the instants that marts
    compute with.
    """
    if not zones.FIRST <= as_of < zones.LAST:
        raise LakeError(
            f"a mart as of {to_api(as_of)} cannot be made: give an instant from {zones.FIRST:%Y} up to {zones.LAST:%Y}"
        )
    read = [(*row[:2], _clock_or_fault(*row[2:])) for row in engine.execute(_READ).fetchall()]
    clocks = [clock for *_, clock in read if isinstance(clock, Clock)]
    hotels = {
        "enterprise_id": [id for id, *_ in read],
        "enterprise": [name for _, name, _ in read],
        "clock": [clock.name if isinstance(clock, Clock) else None for *_, clock in read],
        "fault": [None if isinstance(clock, Clock) else clock for *_, clock in read],
    }
    create_temp_table(
        engine, "hotels", pa.table({name: pa.array(values, pa.string()) for name, values in hotels.items()})
    )
    create_temp_table(
        engine, "clocks", clock_table(clocks, as_of, since if since and since > zones.FIRST else None)
    )


def _clock_or_fault(zone: str | None, closing: str | None) -> Clock | str:
    try:
        return read_clock(zone, closing)
    except ValueError as error:
        return str(error)
