"""Windows of time: half-open, however Mews reads an interval.

Lives here: cutting time into windows, joining and halving them, when they settle, and writing instants as the API reads
them. `now` is always an argument. Imports the standard library only.

Since January 2026 Mews reads intervals half-open; before, and in some of its documentation, it includes both ends. A
`Window` contains `start <= t < end`. It is requested as `[start, end]`: the answer is complete under either reading,
and a row stamped exactly at `end`, which may be in it, belongs to the next window.
All instants are aware datetimes in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

SETTLE = timedelta(minutes=5)
"""Mews refuses an export whose interval ends less than 5 minutes in the past (exports/add, UpdatedUtc)."""
LAST_DAY_END = timedelta(hours=12)
"""The time after midnight in UTC until a calendar day is over everywhere: the last zone is UTC-12."""


def over_after(*, by_day: bool) -> timedelta:
    """The time after its end in UTC until a window is over for every hotel: none, or 12 hours with `by_day`.

    `by_day` means that a window contains days of the hotels' own calendars: west of Greenwich a day ends after midnight
    in UTC.
    """
    return LAST_DAY_END if by_day else timedelta(0)


class Grain(StrEnum):
    """The length of windows. The value is what `MEWS_WINDOW` accepts."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, order=True)
class Window:
    """The instants `start <= t < end`, both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            instant: datetime = getattr(self, name)
            if instant.utcoffset() != timedelta(0):
                raise ValueError(f"a window's {name} must be an aware UTC datetime, got {instant!r}")
            # London in winter has offset 0 too, but arithmetic on it would follow London's summer time.
            object.__setattr__(self, name, instant.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError(f"a window must end after it starts, got {self}")

    def __str__(self) -> str:
        if self == ALL_TIME:
            return "all there is"
        return f"[{to_api(self.start)}, {to_api(self.end)})"

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def covers(self, other: Window) -> bool:
        """Whether the other window lies within this one."""
        return self.start <= other.start and other.end <= self.end

    def settles(self, *, by_day: bool) -> datetime:
        """After this instant Mews answers for the whole window. Some rows may still become visible later."""
        return self.end + over_after(by_day=by_day) + SETTLE

    def is_settled(self, now: datetime, *, by_day: bool) -> bool:
        return self.settles(by_day=by_day) < now

    def halves(self) -> tuple[Window, Window]:
        """Two windows that together cover this one; for a request that was too heavy.

        Raises ValueError below two seconds: the API reads whole seconds everywhere.
        """
        if self.length < timedelta(seconds=2):
            raise ValueError(f"{self} cannot be halved: it is shorter than 2 seconds")
        middle = self.start + timedelta(seconds=int(self.length.total_seconds()) // 2)
        return Window(self.start, middle), Window(middle, self.end)


@dataclass(frozen=True)
class Lookback:
    """How far a pull for missing windows reaches back: over this many windows, and over at least this time.

    A window that is reached in part is pulled again as a whole.
    """

    windows: int = 0
    length: timedelta = timedelta(0)

    def __bool__(self) -> bool:
        return bool(self.windows or self.length)

    def at_least(self, length: timedelta) -> Lookback:
        return Lookback(self.windows, max(self.length, length))

    def since(self, start: datetime, grain: Grain) -> datetime:
        """The start of the first window to pull again, for a pull that starts at `start`."""
        first = start
        for _ in range(self.windows):
            first = window_start(first - timedelta(microseconds=1), grain)
        return min(first, window_start(start - self.length, grain))


NO_LOOKBACK, DEFAULT_LOOKBACK = Lookback(), Lookback(windows=2)
MAX_LOOKBACK_WINDOWS, MAX_LOOKBACK_HOURS = 31, 31 * 24
"""One month: rows that are later than that need a backfill, for every pull fetches the pages of its lookback again."""
ALL_TIME = Window(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
"""The window of a pull without a window."""


def window_start(instant: datetime, grain: Grain) -> datetime:
    """The start of the window that contains the instant."""
    instant = _in_utc(instant)
    if grain is Grain.HOURLY:
        return instant.replace(minute=0, second=0, microsecond=0)
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    if grain is Grain.DAILY:
        return midnight
    if grain is Grain.WEEKLY:  # from Sunday, as Dagster's WeeklyPartitionsDefinition cuts it
        return midnight - timedelta(days=(midnight.weekday() + 1) % 7)
    return midnight.replace(day=1)


def next_start(start: datetime, grain: Grain) -> datetime:
    """The start of the window that follows the window which starts at `start`."""
    if grain is Grain.HOURLY:
        return start + timedelta(hours=1)
    if grain is Grain.DAILY:
        return start + timedelta(days=1)
    if grain is Grain.WEEKLY:
        return start + timedelta(days=7)
    return (start + timedelta(days=32)).replace(day=1)


def window_at(instant: datetime, grain: Grain) -> Window:
    """The window that contains the instant."""
    start = window_start(instant, grain)
    return Window(start, next_start(start, grain))


def windows_between(start: datetime, end: datetime, grain: Grain) -> Iterator[Window]:
    """Every whole window with `start <= window.start` and `window.end <= end`, oldest first."""
    try:
        at = window_start(start, grain)
        if at < start:
            at = next_start(at, grain)
        while (after := next_start(at, grain)) <= end:
            yield Window(at, after)
            at = after
    except OverflowError:  # a week that began before year 1, or a window that ends after 9999: not whole
        return


def settled_windows(start: datetime, now: datetime, grain: Grain, *, by_day: bool) -> Iterator[Window]:
    """Every whole window since `start` that has settled at `now`, oldest first."""
    return (window for window in windows_between(start, now, grain) if window.is_settled(now, by_day=by_day))


def split(window: Window, limit: timedelta) -> list[Window]:
    """The window cut into pieces no longer than the limit, oldest first."""
    if limit <= timedelta(0):
        raise ValueError(f"a window can only be split to a positive length, got {limit}")
    pieces, at = [], window.start
    while at < window.end:
        upto = min(at + limit, window.end)
        pieces.append(Window(at, upto))
        at = upto
    return pieces


def coalesce(windows: Iterable[Window]) -> list[Window]:
    """Touching and overlapping windows joined, oldest first."""
    joined: list[Window] = []
    for window in sorted(windows):
        if joined and window.start <= joined[-1].end:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, window.end))
        else:
            joined.append(window)
    return joined


def read_lookback(text: str) -> Lookback:
    """A number of windows or hours: `2`, `36h`. Raises ValueError otherwise, also for 0: Mews does not promise that a
    window is complete when it settles."""
    number, is_hours = text.removesuffix("h").rstrip(), text.endswith("h")
    if number.isdecimal() and 1 <= int(number) <= (MAX_LOOKBACK_HOURS if is_hours else MAX_LOOKBACK_WINDOWS):
        return Lookback(length=timedelta(hours=int(number))) if is_hours else Lookback(windows=int(number))
    raise ValueError(
        f"accepted are whole windows from 1 to {MAX_LOOKBACK_WINDOWS}, such as 2, and hours from 1h to "
        f"{MAX_LOOKBACK_HOURS}h, such as 36h"
    )


_KEY_FORMATS = {Grain.HOURLY: "%Y-%m-%dT%H"}
_KEY_FORMAT = "%Y-%m-%d"


def key_format(grain: Grain) -> str:
    """The strftime format of window keys: partition keys in Dagster and folder names in the lake."""
    return _KEY_FORMATS.get(grain, _KEY_FORMAT)


def to_key(window: Window, grain: Grain) -> str:
    """The window's key: its start, without characters that have a meaning in paths or partition keys."""
    return window.start.strftime(key_format(grain))


def from_key(key: str, grain: Grain) -> Window:
    """The window of a key. Raises ValueError when the key is no start of a window of this grain."""
    try:
        start = datetime.strptime(key, key_format(grain)).replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{key!r} is not a {grain.value} window key ({key_format(grain)})") from None
    if window_start(start, grain) != start:
        raise ValueError(f"{key!r} is not the start of a {grain.value} window")
    window = Window(start, next_start(start, grain))
    if to_key(window, grain) != key:  # strptime reads 2024-1-5 too: one window would have two keys
        raise ValueError(f"{key!r} is not written as {to_key(window, grain)!r}")
    return window


def to_text(window: Window) -> str:
    """The window for people: its days, the last one included; its two instants where it is not of whole days."""
    if window == ALL_TIME:
        return str(window)
    first, last = window.start, window.end - timedelta(days=1)
    if first != window_start(first, Grain.DAILY) or last != window_start(last, Grain.DAILY):
        return f"{first:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    until = f"{last.day} {last:%B %Y}"
    if first == last:
        return until
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} to {until}"
    return f"{first.day} {first:%B} to {until}" if first.month != last.month else f"{first.day} to {until}"


def to_api(instant: datetime) -> str:
    """`2023-03-22T12:12:00Z`, with microseconds only if there are any."""
    text = _in_utc(instant).isoformat(timespec="microseconds" if instant.microsecond else "seconds")
    return text.replace("+00:00", "Z")


_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


def from_api(text: str) -> datetime:
    """An instant as Mews writes it, cut to microseconds (.NET sends up to 7 decimals).

    Without a zone it is UTC; without a time it is midnight. Raises ValueError on anything else.
    """
    wrong = ValueError(f"{text!r} is not an ISO 8601 instant such as 2023-03-22T12:12:00Z")
    found = _INSTANT.fullmatch(text.strip())
    if not found:
        raise wrong
    day, minute, second, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    iso = f"{day}T{minute or '00:00'}:{second or '00'}.{(fraction or '')[:6]:0<6}{offset}"
    try:
        return datetime.fromisoformat(iso).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # 30 February, or year 1 seen from Tokyo
        raise wrong from error


def to_api_dates(window: Window) -> tuple[str, str]:
    """The first and last day of the window, both inclusive, for filters that take dates (Posting).

    Raises ValueError unless the window starts and ends at midnight: a part of a day cannot be requested.
    """
    for instant in (window.start, window.end):
        if instant != instant.replace(hour=0, minute=0, second=0, microsecond=0):
            raise ValueError(f"{window} does not consist of whole days")
    last: date = (window.end - timedelta(days=1)).date()
    return window.start.date().isoformat(), last.isoformat()


def _in_utc(instant: datetime) -> datetime:
    """The same instant in UTC. Naive datetimes are refused: Python would read them in the machine's zone."""
    if instant.utcoffset() is None:
        raise ValueError(f"an instant must be an aware datetime, got {instant!r}")
    return instant.astimezone(UTC)
