"""Time zones: the known names, and the changes of each zone's offset from UTC.

Lives here: reading the package tzdata, with which marts both validate and compute. The machine's own zone files and
DuckDB's list are not used: they differ from it, and between machines. Names with a meaning on one machine only, such as
`localtime`, are no zones here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""The instants that marts compute with, `FIRST <= instant < LAST`. No hotel system has rows outside; values such as
0001-01-01 and 9999-12-31 mean "not known" and "for ever"."""

_STEP = timedelta(days=3)
"""The step of the search for changes. No zone has changed twice within 6 days since 1970 (a test checks this)."""


@cache
def names() -> frozenset[str]:
    """Every name of a zone, including old names and links."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


@cache
def load(name: str) -> ZoneInfo:
    """The zone of a name. Raises ValueError where there is none."""
    if name not in names():
        raise ValueError(f"{name!r} is no IANA time zone")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def turns(name: str) -> tuple[tuple[datetime, timedelta], ...]:
    """The zone's offsets from UTC, each with the instant from which it holds: at `FIRST`, and at each change before
    `LAST`.

    Raises ValueError on an unknown zone.
    """
    zone = load(name)
    found = [(FIRST, _ahead(zone, FIRST))]
    before = FIRST
    while before < LAST:
        after = min(before + _STEP, LAST)
        ahead = _ahead(zone, after)
        if ahead != found[-1][1] and (turn := _turn(zone, before, after)) < LAST:
            found.append((turn, ahead))
        before = after
    return tuple(found)


def _turn(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second in `before < turn <= after` from which the zone has the offset that it has at `after`."""
    ahead = _ahead(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _ahead(zone, middle) == ahead:
            after = middle
        else:
            before = middle
    return after


def _ahead(zone: ZoneInfo, instant: datetime) -> timedelta:
    ahead = instant.astimezone(zone).utcoffset()
    assert ahead is not None  # every zone of IANA's has an offset at every instant
    return ahead
