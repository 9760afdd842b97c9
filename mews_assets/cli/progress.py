"""The progress of long work, for people: a bar on a terminal, plain lines elsewhere. Both go to standard error.

Lives here: showing how much is done and how long the rest takes. Short work shows nothing where there is no terminal.
Not here: what reports its progress (`lake.progress`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mews_assets.lake.progress import Progress

FIRST_SECONDS = 5.0
"""Until the first line: shorter work is over by then."""
NEXT_SECONDS = 30.0
_MINUTE = timedelta(minutes=1)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """What long work is to call. Lines printed meanwhile stand above the bar."""
    if not sys.stderr.isatty():
        yield ProgressLines(lambda text: print(text, file=sys.stderr, flush=True), time.monotonic)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        parts: dict[str, Any] = {}

        def show(part: str, done: int, total: int) -> None:
            if part not in parts:
                parts[part] = bar.add_task(part, total=total)
            bar.update(parts[part], completed=done, total=total)

        yield show


@dataclass
class ProgressLines:
    """Lines: the first one after some seconds, then one every half minute, and none of a part that ends before."""

    write: Callable[[str], None]
    clock: Callable[[], float]
    part: str = ""
    began: float = 0.0
    due: float = field(default=0.0)

    def __call__(self, part: str, done: int, total: int) -> None:
        now = self.clock()
        if part != self.part:
            self.part, self.began = part, now
            self.due = max(self.due, now + FIRST_SECONDS)
        if now < self.due or done >= total:
            return
        self.due = now + NEXT_SECONDS
        self.write(f"{part}: {done:,} of {total:,}{self._left(now, done, total)}")

    def _left(self, now: float, done: int, total: int) -> str:
        from mews_assets.ingest.freshness import format_duration

        if not done:
            return ""
        left = timedelta(seconds=(now - self.began) / done * (total - done))
        return f", about {format_duration(left)} left" if left >= _MINUTE else ", less than a minute left"
