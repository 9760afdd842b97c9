"""Bringing a lake of an older format to the present one.

Lives here: the steps between formats, and doing those that a lake still owes. Not here: which formats are read and
refused (`storage.lake`), and bringing a Dagster home to other partition keys (`defs.local.adopt`).

An older lake is read and written as it is, before, during and after. A step finds in the lake itself what it still has
to do, and does it in portions that each stand when they are done: a migration that was killed goes on where it stopped,
and runs may land meanwhile. The format is raised last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mews_assets.catalog.model import Table
from mews_assets.lake.file_statistics import files_without_statistics, statistics_of
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import FORMAT, Lake

_PORTION = 1000
"""Files whose statistics are read before they are kept."""


@dataclass(frozen=True)
class Step:
    """What a lake needs to get to a format: `owed` lists the files of a table that it is about, `do` does some."""

    to: int
    name: str
    owed: Callable[[Lake, Table], list[str]]
    do: Callable[[Lake, Table, list[str]], object]


STEPS = (Step(2, "statistics of files in changes", files_without_statistics, statistics_of),)


@dataclass(frozen=True)
class Progress:
    """Files of one table that a step has done, or would do."""

    step: str
    table: str
    files: int


def format_of(lake: Lake) -> int:
    """The format that the lake has now."""
    return int(lake.read_json(layout.LAKE_FILE)["format"])


def owed(lake: Lake, tables: Iterable[Table]) -> list[Progress]:
    """What a migration would do; nothing is changed. Empty also where only the format is to be raised."""
    steps = _steps(format_of(lake))
    found = [(step, table, len(step.owed(lake, table))) for table in tables for step in steps]
    return [Progress(step.name, table.name, files) for step, table, files in found if files]


def migrate(lake: Lake, tables: Iterable[Table], report: Callable[[Progress], None]) -> int:
    """Bring the lake to the present format. Calls `report` for each table that needed it; returns the format before."""
    tables = tuple(tables)
    with lake.lock("migrate"):
        before = format_of(lake)
        for step in _steps(before):
            for table in tables:
                names = step.owed(lake, table)
                for start in range(0, len(names), _PORTION):
                    step.do(lake, table, names[start : start + _PORTION])
                if names:
                    report(Progress(step.name, table.name, len(names)))
            _raise(lake, step.to)
    return before


def _steps(before: int) -> list[Step]:
    return [step for step in STEPS if before < step.to <= FORMAT]


def _raise(lake: Lake, to: int) -> None:
    """Let `lake.json` say what format the lake has; another setting that changed meanwhile stays."""
    lake.change_json(layout.LAKE_FILE, lambda now: {**(now or {}), "format": to})
