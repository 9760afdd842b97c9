"""Text tables for people: aligned columns, two blanks apart.

Lives here: the one call of tabulate. Not here: which columns a table has.
"""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool]) -> list[str]:
    """The lines of a table, the heading first. `numbers` says which columns are aligned on the right."""
    text = tabulate(
        [headers, *rows],  # as a row: tabulate pads headers
        tablefmt="plain",
        disable_numparse=True,  # a cell is shown as it is given: an id of digits is no number
        colalign=["right" if is_number else "left" for is_number in numbers],
    )
    return [line.rstrip() for line in text.splitlines()]
