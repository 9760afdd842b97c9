"""The progress of long work: which part of it is going, how much of that is done, and of how much.

Lives here: what such work calls from time to time. Not here: showing it (`cli.progress`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the part of the work, such as `searching`, with how much of it is done, and with how much there is."""


def unwatched(part: str, done: int, total: int) -> None:
    """For work that nobody watches."""
