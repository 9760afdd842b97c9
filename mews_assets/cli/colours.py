"""Colours on a terminal: what is wrong in red, what is doubtful in yellow, what is well in green.

Lives here: whether the output shows colours, and painting a text. Not here: what is wrong.
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum


class Colour(StrEnum):
    """The codes of ANSI terminals."""

    RED = "31"
    GREEN = "32"
    YELLOW = "33"


def has_colours() -> bool:
    """Whether the output is a terminal with colours; NO_COLOR turns them off, as in other programs."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: Colour | None) -> str:
    """The text in a colour, if the output shows any."""
    return f"\033[{colour.value}m{text}\033[0m" if colour and has_colours() else text
