"""Limits: how often a request or a download is tried, and how long each may take.

Lives here: the two value objects, their defaults, and the reason for each number. Not here: which failures are tried
again (`transport.retry`), how many requests may start (`transport.pacing`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

TIMEOUTS = httpx.Timeout(connect=10.0, read=120.0, write=30.0, pool=120.0)
"""Seconds per phase. Mews itself gives up on heavy requests with 408, so `read` is longer than that takes."""

BRIEF_TIMEOUTS = httpx.Timeout(20.0, connect=5.0)
"""For callers that run again in a minute and may not wait that long, such as a sensor's tick of at most 60 s."""

OVERALL = 2.5
"""Times the read timeout: the time for a whole answer, from the first byte sent to the last received. 300 s suffice
for a usual page of 2 MB over a line of 60 kbit/s; a server that sends one byte a minute cannot hold a request open."""

MAX_TRIES = 6
"""With full jitter up to 30 s, six tries last about a minute; longer waits belong to the caller."""

DOWNLOAD_TIMEOUTS = httpx.Timeout(connect=10.0, read=60.0, write=30.0, pool=60.0)
"""Seconds per phase; `read` is the longest silence within a file."""


@dataclass(frozen=True)
class RequestLimits:
    """How often one request is tried, the first try included, and the seconds per phase of each try."""

    max_tries: int = MAX_TRIES
    timeouts: httpx.Timeout = field(default_factory=lambda: TIMEOUTS)

    def __post_init__(self) -> None:
        if self.max_tries < 1:
            raise ValueError(f"max_tries counts the first try, so it is at least 1, got {self.max_tries}")

    @property
    def answer_seconds(self) -> float:
        """The time for a whole answer of one try, in seconds."""
        return OVERALL * (self.timeouts.read or TIMEOUTS.read or 120.0)


@dataclass(frozen=True)
class DownloadLimits:
    """How many files of an export are downloaded at once, and the limits of each.

    A file may take `file_seconds`, for an outage, and then the time its size takes at `bytes_per_second`, all tries
    included. Four files at once at this rate take half a line of 1 Mbit/s; a run waits for its export for as long as
    340 MB may take here.
    """

    files_at_once: int = 4
    max_tries: int = MAX_TRIES
    """Tries in a row that brought no new byte. A try that brought some starts the count anew."""
    max_renewals: int = 3
    """Fresh links in a row that brought no new byte."""
    max_redirects: int = 3
    """Redirects in a row, each of them checked like a link."""
    timeouts: httpx.Timeout = field(default_factory=lambda: DOWNLOAD_TIMEOUTS)
    file_seconds: float = 900.0
    bytes_per_second: int = 16 << 10

    def seconds_for(self, size_bytes: int) -> float:
        """How long a file of this size may take, in seconds."""
        return self.file_seconds + size_bytes / self.bytes_per_second
