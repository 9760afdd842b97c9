"""What a report shows, as plain values.

Lives here: the values that `defs` and the command give to a report, and what is said of the file. Not here: reading
marts (`content`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from mews_assets.marts.model import Mart


@dataclass(frozen=True)
class ReportHotel:
    """A hotel of the picker. `scopes` are its own id and that of its chain, `key` is its key in partitions."""

    id: str
    key: str
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class FreshnessLine:
    """One table of one hotel or chain: its newest window, and by how long it is late; empty if it is on time."""

    table: str
    scope: str
    name: str
    newest: str
    late: str


@dataclass(frozen=True)
class CheckLine:
    """The latest result of one check of one asset. `failing` has the windows that fail by scope, where it has any."""

    asset: str
    check: str
    passed: bool
    is_error: bool
    at: datetime
    text: str
    failing: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportInputs:
    """What a report shows besides the marts. `note` says why checks are not shown, if they are not;
    `marts_url` is where the pages of the marts are in Dagster's UI."""

    marts: tuple[Mart, ...]
    hotels: tuple[ReportHotel, ...]
    freshness: tuple[FreshnessLine, ...]
    checks: tuple[CheckLine, ...]
    now: datetime
    marts_url: str = ""
    note: str = ""


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written: where, how large, and the marts that it lacks, because they are not made yet."""

    uri: str
    size_bytes: int
    hotels: int
    hotels_left_out: int
    marts: int
    marts_missing: tuple[str, ...]
