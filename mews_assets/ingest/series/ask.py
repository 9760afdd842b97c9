"""Figures of a series, from every connection for its own enterprises, written hotel by hotel.

Lives here: `read_series`. The figures of one request, or of one hotel, are written before the next are asked for, so
memory is bounded. Not here: the days that are due (`intervals`), the files (`lake.landing.series_tables`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from mews_assets.api import (
    ForbiddenError,
    MewsClient,
    MewsError,
    Pages,
    TransientError,
    UnauthorizedError,
)
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import ScopeKind, snake_case
from mews_assets.catalog.reference_model import ParentIds
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.series.intervals import (
    Days,
    TimeUnit,
    cut_by_unit,
    days_due,
    time_unit_of,
    unit_starts,
    zone_of,
)
from mews_assets.ingest.series.matrix import UnevenMatrixError, rows_of
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing.reference_rows import ids_still_sent, read_rows
from mews_assets.lake.landing.series_rows import months_there
from mews_assets.lake.landing.series_tables import Answer, SeriesMeasures, write_series
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import to_api

log = logging.getLogger(__name__)

HOTELS_AT_ONCE = 100
"""Enterprises that one request names, so that an answer over a month stays below some 20,000 figures."""
CONNECTIONS_AT_ONCE = 4
_DAYS_AT_ONCE = 366
"""Of one hotel whose figures come by time units: what is held before it is written."""
_OF_CONNECTION = (UnauthorizedError, ForbiddenError, TransientError)
"""Errors after which the connection is not asked for its other hotels either."""


@dataclass(frozen=True)
class SeriesRead:
    """What was read: the figures counted, the hotels whose days were all read, and the causes where they were not.

    `faults` are by hotel, `silent` by connection.
    """

    measures: SeriesMeasures = field(default_factory=SeriesMeasures)
    read: frozenset[str] = frozenset()
    faults: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    vanished: dict[str, int] = field(default_factory=dict)


@dataclass
class _Work:
    """The reading of one connection."""

    table: SeriesTable
    lake: Lake
    client: MewsClient
    directory: Directory
    now: datetime
    measures: SeriesMeasures = field(default_factory=SeriesMeasures)
    read: set[str] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)
    vanished: dict[str, int] = field(default_factory=dict)
    error: MewsError | None = None

    def write(self, scope: str, days: Days, records: Iterable[bytes]) -> None:
        zone = self.directory.enterprises[scope].time_zone
        answer = Answer(scope, zone_of(zone).key, days.first, days.last, self.now, records)
        try:
            written = write_series(self.lake, self.table, answer)
        except LakeError as error:
            self.fail(scope, error)
            return
        self.measures += written
        if written.vanished:
            self.vanished[scope] = self.vanished.get(scope, 0) + written.vanished

    def fail(self, scope: str, error: Exception) -> None:
        log.error("%s of %s: %s", self.table.name, self.directory.scope_keys.key_of(scope), error)
        self.faults[scope] = str(error)


def read_series(
    table: SeriesTable,
    clients: Mapping[str, MewsClient],
    directory: Directory,
    lake: Lake,
    now: datetime,
    start: datetime,
    *,
    again: bool = False,
) -> SeriesRead:
    """Ask for the days that are due since `start`, and write their figures; with `again` for all since then.

    `now` is the time at Mews. If all connections fail, the first error is raised.
    """
    there = {} if again else months_there(lake, table)
    ids_of = _ids(table, lake)
    units = _time_units(table, lake) if table.is_by_time_unit else {}
    serves: dict[str, list[str]] = {}
    for scope in directory.scopes(ScopeKind.ENTERPRISE):
        serves.setdefault(directory.connection_of(ScopeKind.ENTERPRISE, scope), []).append(scope)
    works = [_Work(table, lake, clients[name], directory, now) for name in serves]

    def read(work: _Work, scopes: list[str]) -> None:
        due = {scope: tuple(_due(work, scope, there, start)) for scope in scopes}
        try:
            if table.is_by_time_unit:
                _read_by_unit(work, due, ids_of, units)
            else:
                _read_by_day(work, due)
        except MewsError as error:
            log.error("%s: %s", table.name, error)
            work.error = error

    with ThreadPoolExecutor(CONNECTIONS_AT_ONCE) as pool:
        list(pool.map(read, works, serves.values()))
    failed = {name: work.error for name, work in zip(serves, works, strict=True) if work.error}
    if failed and len(failed) == len(works) and not any(work.read for work in works):
        raise next(iter(failed.values()))
    return SeriesRead(
        sum((work.measures for work in works), SeriesMeasures()),
        frozenset(scope for work in works for scope in work.read - work.faults.keys()),
        {scope: cause for work in works for scope, cause in work.faults.items()},
        {name: str(error) for name, error in failed.items()},
        {scope: count for work in works for scope, count in work.vanished.items()},
    )


def _due(work: _Work, scope: str, there: Mapping[str, set[str]], start: datetime) -> list[Days]:
    fetch, zone = work.table.fetch, zone_of(work.directory.enterprises[scope].time_zone)
    today = work.now.astimezone(zone).date()
    return days_due(start.date(), today, there.get(scope, ()), fetch.lookback, fetch.ahead)


def _read_by_day(work: _Work, due: Mapping[str, tuple[Days, ...]]) -> None:
    """The figures of several hotels in one request, where the same days of them are due."""
    fetch = work.table.fetch
    alike: dict[tuple[Days, ...], list[str]] = {}
    for scope, own in due.items():
        alike.setdefault(own, []).append(scope)
    for intervals, scopes in alike.items():
        for some in (scopes[at : at + HOTELS_AT_ONCE] for at in range(0, len(scopes), HOTELS_AT_ONCE)):
            for days in (part for interval in intervals for part in interval.cut(fetch.longest)):
                body = {**fetch.parameters, fetch.scope_parameter: some}
                put(body, fetch.first, days.first.isoformat())
                put(body, fetch.last, days.last.isoformat())
                records: dict[str, list[bytes]] = {scope: [] for scope in some}
                for page in Pages(work.client, fetch.operation, (fetch.records_key,), body):
                    for raw in page.records[fetch.records_key]:
                        if (known := records.get(_owner(work.table, raw))) is not None:
                            known.append(raw)
                for scope in some:
                    work.write(scope, days, records[scope])
            work.read.update(some)


def _read_by_unit(
    work: _Work,
    due: Mapping[str, tuple[Days, ...]],
    ids_of: Mapping[str, list[str]],
    units: Mapping[str, TimeUnit],
) -> None:
    """The figures of one hotel after another; a request for each parent."""
    for scope, intervals in due.items():
        try:
            for days in (part for interval in intervals for part in interval.cut(_DAYS_AT_ONCE)):
                rows = [
                    row
                    for id in ids_of.get(scope, ())
                    for part in cut_by_unit(days, units.get(id, TimeUnit.DAY), work.table.fetch.longest)
                    for row in _ask_for_units(work, scope, id, part, units.get(id, TimeUnit.DAY))
                ]
                if ids_of.get(scope):
                    work.write(scope, days, rows)
            work.read.add(scope)
        except _OF_CONNECTION:
            raise
        except (MewsError, UnevenMatrixError) as error:
            work.fail(scope, error)


def _ask_for_units(work: _Work, scope: str, id: str, days: Days, unit: TimeUnit) -> Iterator[bytes]:
    fetch = work.table.fetch
    assert fetch.matrix is not None
    assert fetch.parent is not None
    first, last = unit_starts(days, unit, work.directory.enterprises[scope].time_zone)
    body = {**fetch.parameters, fetch.parent.parameter: id}
    if fetch.scope_parameter:
        body[fetch.scope_parameter] = [scope]
    put(body, fetch.first, to_api(first))
    put(body, fetch.last, to_api(last))
    answer = work.client.ask(fetch.operation, body)
    yield from rows_of(fetch.matrix, answer.record(), {fetch.parent.parameter: id})


def put(body: dict[str, Any], path: str, value: str) -> None:
    """Set a value in the body at a path such as `Date.Start`."""
    *above, name = path.split(".")
    for part in above:
        body = body.setdefault(part, {})
    body[name] = value


def _owner(table: SeriesTable, raw: bytes) -> str:
    return str(msgspec.json.decode(raw).get(table.owner.column, ""))


def _ids(table: SeriesTable, lake: Lake) -> dict[str, list[str]]:
    """By enterprise: the ids of the parents to name in requests."""
    parent: ParentIds | None = table.fetch.parent
    if parent is None:
        return {}
    reference = next(one for one in REFERENCES if one.name == parent.table)
    return ids_still_sent(lake, reference, parent.only)


def _time_units(table: SeriesTable, lake: Lake) -> dict[str, TimeUnit]:
    """By id of the parent: the time unit of its service, which is the parent itself or named in it."""
    by_name = {one.name: one for one in REFERENCES}
    with lake.workspace() as workspace:
        services, _ = read_rows(lake, by_name["services"], workspace)
        details = zip(services["id"].to_pylist(), services["data"].to_pylist(), strict=True)
        units = {id: time_unit_of(_time_unit_period(data)) for id, data in details}
        parent = table.fetch.parent
        assert parent is not None
        if parent.table == "services":
            return units
        rows, _ = read_rows(lake, by_name[parent.table], workspace)
    named = zip(rows["id"].to_pylist(), rows[snake_case("ServiceId")].to_pylist(), strict=True)
    return {id: units.get(service, TimeUnit.DAY) for id, service in named}


def _time_unit_period(data: Mapping[str, Any] | None) -> str | None:
    try:
        value = msgspec.json.decode((data or {}).get("value") or "null")
    except msgspec.DecodeError:
        return None
    return value.get("TimeUnitPeriod") if isinstance(value, dict) else None
