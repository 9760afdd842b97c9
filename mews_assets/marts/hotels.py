"""The hotels of a lake, each with its clock, or with the fault of its clock.

Lives here: the tables `hotels` and `clocks` for queries. A hotel whose clock cannot be read stops no other: its `fault`
says why, and the marts leave its rows out and report them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from mews_assets.lake.errors import LakeError
from mews_assets.lake.storage.duckdb_session import create_temp_table
from mews_assets.marts import zones
from mews_assets.marts.clocks import Clock, clock_table, final_before, read_clock, today_and_whole_from
from mews_assets.windows import to_api

_READ = """
SELECT
    id, name, time_zone_identifier, business_day_closing_offset,
    accounting_editable_history_interval, operational_editable_history_interval
FROM reference.enterprises ORDER BY id
"""

HOTELS = pa.schema(
    [
        ("enterprise_id", pa.string()),
        ("enterprise", pa.string()),
        ("clock", pa.string()),
        ("fault", pa.string()),
        ("today", pa.date32()),
        ("whole_from", pa.date32()),
        ("final_before", pa.date32()),
    ]
)
"""One row per hotel. Its clock's `today` and `whole_from` are those of `clocks`; days before `final_before` can change
no more, and it is null where the enterprise has no editable-history interval that can be read."""


def make_hotels(engine: duckdb.DuckDBPyConnection, as_of: datetime, since: datetime | None) -> None:
    """`hotels` (see `HOTELS`) and `clocks` (see `clocks.clock_table`).

    From `since` on the lake holds all updates. Raises LakeError on an `as_of` outside of the instants that marts
    compute with.
    """
    if not zones.FIRST <= as_of < zones.LAST:
        raise LakeError(
            f"a mart as of {to_api(as_of)} cannot be made: give an instant from {zones.FIRST:%Y} up to {zones.LAST:%Y}"
        )
    since = since if since and since > zones.FIRST else None
    found: list[dict[str, Any]] = []
    clocks: list[Clock] = []
    for id, name, zone, closing, *intervals in engine.execute(_READ).fetchall():
        hotel: dict[str, Any] = {"enterprise_id": id, "enterprise": name}
        clock = _clock_or_fault(zone, closing)
        if isinstance(clock, Clock):
            clocks.append(clock)
            today, whole_from = today_and_whole_from(clock, as_of, since)
            hotel |= {"clock": clock.name, "today": today, "whole_from": whole_from}
            hotel["final_before"] = _final_before(clock, as_of, intervals)
        else:
            hotel["fault"] = clock
        found.append(hotel)
    create_temp_table(engine, "hotels", pa.Table.from_pylist(found, HOTELS))
    create_temp_table(engine, "clocks", clock_table(clocks, as_of, since))


def _final_before(clock: Clock, as_of: datetime, intervals: Sequence[str | None]) -> date | None:
    """Mews: accounting data can change until the longer of both intervals has passed."""
    known = [interval for interval in intervals if interval is not None]
    try:
        return final_before(clock, as_of, *known) if known else None
    except ValueError:
        return None


def _clock_or_fault(zone: str | None, closing: str | None) -> Clock | str:
    try:
        return read_clock(zone, closing)
    except ValueError as error:
        return str(error)
