"""The lines that a run of landing and changes writes into its log, for people who read the run's page.

Lives here: what was asked for, what was merged, and how many checks passed, each in one line: a line is an event, and
an event costs 10 ms. What is asked of Mews and what lands is logged where it happens (`ingest.pull`, `api.waiting`);
`python_logs` in dagster.yaml brings these lines to the page.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from mews_assets.catalog.model import ScopeKind, Table
from mews_assets.defs.assets.requested_partitions import RequestedPartitions
from mews_assets.ingest.directory import Directory
from mews_assets.lake.changes.merge_result import MergedPartition
from mews_assets.windows import Window, to_text

_SHOWN_NAMES = 5


def without_omitted_outputs(log: logging.Logger) -> None:
    """Let the run's log leave out Dagster's line that the op yielded no output for its checks.

    The op yields evaluations instead of results, as a check has many in one run; an output for each check as well would
    be three events that say nothing.
    """
    if not any(isinstance(one, _OmittedOutputs) for one in log.filters):
        log.addFilter(_OmittedOutputs())


class _OmittedOutputs(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "did not yield or return expected outputs" not in str(record.msg)


def asked_for(tables: Sequence[Table], requested: RequestedPartitions, directory: Directory) -> str:
    """What the run was asked for: the tables, how many partitions, of which hotels and days."""
    kind = tables[0].scope
    partitions = requested.partitions
    scopes = sorted({directory.name_of(kind, partition.scope) for partition in partitions})
    names = "; ".join(scopes[:_SHOWN_NAMES])
    more = f" and {len(scopes) - _SHOWN_NAMES} more" if len(scopes) > _SHOWN_NAMES else ""
    others = len(set(requested.also) - set(partitions))
    beside = f"; the backfill's other runs want {others} more" if others else ""
    return (
        f"{', '.join(table.name for table in tables)}: {_counted(len(partitions), 'partition')} of "
        f"{_counted(len(scopes), 'hotel' if kind is ScopeKind.ENTERPRISE else 'chain')} ({names}{more}), "
        f"{_days(requested)}{beside}"
    )


def merged(table: Table, partitions: Iterable[MergedPartition]) -> str:
    """What came of it: rows that are new, rows that stood already, partitions with a new file."""
    every = list(partitions)
    before = sum(one.rows_before for one in every if one.existed)
    new = sum(one.measures.rows for one in every) - before
    written = sum(one.is_written for one in every)
    return (
        f"{table.name}: {new:,} rows new, {sum(one.repeats for one in every):,} repeats; "
        f"{_counted(written, 'partition')} written, {len(every) - written} unchanged"
    )


def and_count(
    table: Table, log: logging.Logger, evaluations: Iterable[dg.AssetCheckEvaluation]
) -> Iterator[dg.AssetCheckEvaluation]:
    """The evaluations as they are; last a line that says how many checks passed, and which failed."""
    passed, failed = 0, list[str]()
    for evaluation in evaluations:
        if evaluation.partition is None:
            passed += evaluation.passed
            failed += [] if evaluation.passed else [evaluation.check_name]
        yield evaluation
    if passed or failed:
        names = f": {', '.join(failed)}" if failed else ""
        log.info(f"{table.name}: checks: {passed} passed, {len(failed)} failed{names}")


def _days(requested: RequestedPartitions) -> str:
    windows = [partition.window for partition in requested.partitions]
    if not windows:
        return "no window"
    return to_text(Window(min(one.start for one in windows), max(one.end for one in windows)))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
