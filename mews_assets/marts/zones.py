"""Time zones: the names that are known, and when each zone's clock was or will be turned.

Lives here: the one library of zones that marts validate with and compute with, the package tzdata. Neither the
machine's own zone files nor DuckDB's list is asked: they differ from it, and from one machine to the next. What
only a machine gives a meaning, such as `localtime`, is no zone here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""The instants that marts reckon with, `FIRST <= instant < LAST`. No hotel system has rows of before or after; such
as 0001-01-01 and 9999-12-31 stand for "not known" and "for ever"."""

_STEP = timedelta(days=3)
"""Between two looks for a turn. No zone has turned its clock twice within 6 days since 1970 (a test looks)."""


@cache
def names() -> frozenset[str]:
    """Every name of a zone, old ones and links too."""
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
    """Since when the zone's clock has been how far ahead of UTC: first at `FIRST`, then at each turn before `LAST`.

    Raises ValueError where there is no such zone.
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
    """The second in `before < turn <= after` since which the clock shows what it shows at `after`."""
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
