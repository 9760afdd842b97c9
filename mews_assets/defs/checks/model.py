"""A check: a pure function from the evidence on one partition to a verdict, and the severity of a failure.

Lives here: the values that pass between the lake's numbers and Dagster's events. Not here: the checks themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from mews_assets.catalog.model import Table
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition
from mews_assets.lake.errors import RecordError
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import Measures, Violation
from mews_assets.lake.quality.references import ReferenceResult
from mews_assets.lake.quality.volume import Volume

_CELL = 60
"""Characters of a cell, so that a table of the worst rows fits a screen."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of one partition. `merged` is None where this run merged nothing of it."""

    table: Table
    partition: Partition
    merged: MergedPartition | None = None
    captures: tuple[MergedCapture, ...] = ()
    rejected: tuple[RecordError, ...] = ()
    """Why captures of it could not become rows."""
    references: tuple[ReferenceResult, ...] = ()
    volume: Volume | None = None
    is_quiet: bool = False
    """It was captured again, and nothing new came for it."""
    is_beside: bool = False
    """The run was not asked for it: it is an earlier window that was looked at again."""

    @property
    def measures(self) -> Measures:
        assert self.merged is not None, f"{self.partition} was not merged, so it has no measures"
        return self.merged.measures

    def broken(self, rule: str) -> tuple[Violation, ...]:
        return self.measures.broken.get(rule, ())

    def worst(self, rule: str) -> tuple[dict[str, Any], ...]:
        return self.measures.worst.get(rule, ())


@dataclass(frozen=True)
class Verdict:
    """The verdict of a check on a partition. `at_fault` counts what is wrong, to order partitions; `worst` are rows."""

    passed: bool
    metadata: Mapping[str, Any]
    at_fault: int = 0
    worst: tuple[Mapping[str, Any], ...] = ()
    severity: dg.AssetCheckSeverity | None = None
    """Where it differs from the check's own severity."""


@dataclass(frozen=True)
class Check:
    """A check. The description says why the severity is what it is.

    `applies` tells from a table's row in the catalog whether it has the check.
    A `blocking` check holds back assets made from the table, never the run that pulls it: the fault of one hotel would
    stop the next day of all hotels.
    """

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    judge: Callable[[Evidence], Verdict]
    applies: Callable[[Table], bool] = lambda table: True
    blocking: bool = False


def counted(places: Iterable[Violation]) -> tuple[dict[str, int], int]:
    """How often each place is broken, and all of them together."""
    by_place: dict[str, int] = {}
    for violation in places:
        by_place[violation.at] = by_place.get(violation.at, 0) + violation.count
    return by_place, sum(by_place.values())


def markdown(rows: Iterable[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """A small table; columns in the order they are first seen."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in listed]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    text = text if len(text) <= _CELL else text[: _CELL - 3] + "..."
    return " ".join(text.replace("|", "\\|").split())
