"""Materialising partitions: plan, pull, land, merge.

Lives here: the one way partitions come to be, whoever asks: a Dagster run, the command, a test. Runs without
Dagster. Failures are told apart by pull: one that fails does not stop its neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mews_assets.api import MewsClient, MewsError
from mews_assets.catalog import partners
from mews_assets.catalog.model import Export, Table
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.due import LookBack, not_covered
from mews_assets.ingest.plan import Pull, plan_looking_back
from mews_assets.ingest.pull import Landed, Puller
from mews_assets.lake.changes.merge import measure_existing, merge
from mews_assets.lake.changes.merge_result import MergeResult
from mews_assets.lake.errors import LakeError, PassingError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import cause_of
from mews_assets.windows import to_api

log = logging.getLogger(__name__)

CONNECTIONS_AT_ONCE = 16
"""Threads that wait for Mews; each mostly sleeps."""
PAGES_AT_ONCE = 4
"""Pulls by pages of one connection at once: enough to hide the answer times, the pacing bounds the rest."""


class UnsettledWindowError(ValueError):
    """A window was asked for that Mews does not answer for yet."""

    retryable = True
    """Asked again later it will have settled: our clock may have been set since somebody thought it had."""


_Pulled = tuple[Pull, Landed | MewsError | LakeError]


@dataclass
class Materialised:
    """What came of it: what was merged, by table, and what failed: the partitions concerned and the error."""

    merged: dict[str, MergeResult] = field(default_factory=dict)
    landed: dict[str, list[Manifest]] = field(default_factory=dict)
    failed: list[tuple[list[Partition], Exception]] = field(default_factory=list)
    found: dict[str, list[Manifest]] = field(default_factory=dict)
    """By table: captures that other runs had landed since, of partitions that were not asked for again."""


@dataclass(frozen=True)
class PartitionRequest:
    """The partitions to make, and what is known about them.

    `also` are partitions that other runs want soon: the same pulls bring them too. Partitions captured at or after
    `landed_since` are not asked for again. `pulls` is the plan, where it was made before.
    """

    partitions: Iterable[Partition]
    also: Iterable[Partition] = ()
    landed_since: datetime | None = None
    pulls: Iterable[Pull] | None = None


def materialise(
    table: Table,
    request: PartitionRequest,
    clients: Mapping[str, MewsClient],
    directory: Directory,
    puller: Puller,
    *,
    threads: int | None = None,
) -> Materialised:
    """Pull the requested partitions of a table, and of all tables of the same operation, and merge what landed.

    The pulls reach back over windows that are in the lake shortly before, as far as the puller's lookback says.
    `threads` limits DuckDB. Raises UnsettledWindowError before anything is asked; every other failure is reported
    with the partitions it concerns, and what landed in spite of it is merged.
    """
    lake = puller.lake
    partitions = sorted(set(request.partitions))
    _refuse_unsettled(table, partitions, puller.now())
    settled_also = {one for one in request.also if one.window.is_settled(puller.now(), by_day=table.by_day)}
    everything = sorted({*partitions, *settled_also})

    def still_missing(pulls: Iterable[Pull]) -> list[Pull]:
        missing = _not_landed(lake, table, everything, request.landed_since)
        return [pull for pull in pulls if _of(pull, missing)]

    pulls = request.pulls
    if pulls is None:
        missing = _not_landed(lake, table, everything, request.landed_since)
        back = LookBack(puller.lookback, lake.grain, lambda near: _there(lake, table, near))
        pulls = plan_looking_back(
            table, missing, lambda scope: directory.connection_of(table.scope, scope), back
        )
    result = Materialised()
    asked = set(partitions)
    with lake.workspace() as workspace:
        raw: dict[str, dict[str, list[Path]]] = {}
        pulling = _Pulling(
            table, clients, puller, workspace, still_missing, takes_turns=request.pulls is None
        )
        for pull, landed in pulling.run(still_missing(pulls)):
            if isinstance(landed, Exception):
                log.error("%s: %s failed: %s", table.name, pull.window, landed)
                result.failed.append((_of(pull, everything), landed))
                continue
            for name, manifest in landed.manifests.items():
                result.landed.setdefault(name, []).append(manifest)
                raw.setdefault(manifest.capture, {})[name] = landed.raw[name]
        for one in partners(table):
            _merge(lake, one, everything, asked, raw, threads, result)
    if request.landed_since is not None:
        _note_found(lake, table, partitions, request.landed_since, result)
    # Partitions that only other runs want are reported by those runs: they ask for them themselves.
    result.failed = [
        (own, error)
        for concerned, error in result.failed
        if (own := [one for one in concerned if one in asked]) or not concerned
    ]
    return result


def _refuse_unsettled(table: Table, partitions: Iterable[Partition], now: datetime) -> None:
    for partition in partitions:
        if not partition.window.is_settled(now, by_day=table.by_day):
            raise UnsettledWindowError(
                f"{table.name}: the window {partition.window} has not settled at {to_api(now)}: "
                f"{_why_not_yet(table)}. Leave this partition out, or ask again after "
                f"{to_api(partition.window.settles(by_day=table.by_day))}"
            )


def _why_not_yet(table: Table) -> str:
    if table.by_day:
        return "a day of the hotels' own calendars is over everywhere 12 hours after midnight UTC"
    return "Mews answers only for what is more than 5 minutes past"


def _there(lake: Lake, table: Table, partitions: Sequence[Partition]) -> list[Partition]:
    """The partitions that stand in the lake, in every table of the same request."""
    there = list(partitions)
    for one in partners(table):
        names = {place: layout.changes_file(one.name, place.scope, place.key(lake.grain)) for place in there}
        found = lake.existing(list(names.values())) if names else set()
        there = [place for place, name in names.items() if name in found]
    return there


def _not_landed(
    lake: Lake, table: Table, partitions: list[Partition], since: datetime | None
) -> list[Partition]:
    recent = capture_store.captures_since(lake, table.name, since) if since else []
    return not_covered(partitions, [(one.scopes, one.window) for one in recent])


def _note_found(
    lake: Lake, table: Table, partitions: list[Partition], since: datetime, result: Materialised
) -> None:
    """Note which captures hold the partitions that this pull brought nothing for."""
    for one in partners(table):
        own = result.landed.get(one.name, [])
        left = [partition for partition in partitions if not _covered(partition, own)]
        if left:
            landed = capture_store.captures_since(lake, one.name, since)
            result.found[one.name] = [
                manifest for manifest in landed if any(_covered(partition, [manifest]) for partition in left)
            ]


@dataclass(frozen=True)
class _Pulling:
    """All pulls of one table, its connections side by side."""

    table: Table
    clients: Mapping[str, MewsClient]
    puller: Puller
    workspace: Path
    still_missing: Callable[[Iterable[Pull]], list[Pull]]
    takes_turns: bool
    """Whether to wait for other runs; not where the answer is ready at Mews and only has to be fetched."""

    def run(self, pulls: list[Pull]) -> Iterator[_Pulled]:
        by_connection: dict[str, list[Pull]] = {}
        for pull in pulls:
            by_connection.setdefault(pull.connection, []).append(pull)
        if by_connection:
            at_once = min(len(by_connection), CONNECTIONS_AT_ONCE)
            with ThreadPoolExecutor(at_once, thread_name_prefix="connection") as pool:
                for done in pool.map(self._of_connection, by_connection, by_connection.values()):
                    yield from done

    def _of_connection(self, connection: str, pulls: list[Pull]) -> list[_Pulled]:
        """One run at a time asks for a table over one connection; the next finds what the first has landed.

        Exports of one connection wait for each other at Mews anyway; pages go side by side within its pacing.
        """
        first = partners(self.table)[0].name
        turn = self.puller.lake.lock(f"pull-{first}-{connection}") if self.takes_turns else nullcontext()
        with turn:
            pulls = self.still_missing(pulls)
            at_once = 1 if isinstance(self.table.fetch, Export) else PAGES_AT_ONCE
            with ThreadPoolExecutor(at_once, thread_name_prefix="pull") as pool:
                return list(pool.map(self._pulled, pulls))

    def _pulled(self, pull: Pull) -> _Pulled:
        log.info("%s: pulling %d scopes, %s", self.table.name, len(pull.scopes), pull.window)
        try:
            client = self.clients[pull.connection]
            return pull, self.puller.pull(self.table, pull, client, self.workspace)
        except (MewsError, LakeError) as error:
            return pull, error
        except OSError as error:
            said = f"{self.table.name}: {pull.window} was not landed: {cause_of(error)}"
            return pull, PassingError(said)


def _merge(
    lake: Lake,
    table: Table,
    partitions: list[Partition],
    asked: set[Partition],
    raw: Mapping[str, Mapping[str, list[Path]]],
    threads: int | None,
    result: Materialised,
) -> None:
    """Merge what landed for one table, and measure the asked-for partitions that stood already.

    Not those that only other runs want: each would measure all of a backfill, where its own share is enough.
    """
    manifests = result.landed.get(table.name, [])
    try:
        merged = merge(lake, table, raw=raw, threads=threads)
        others = (one for one in partitions if one in asked and one not in merged.partitions)
        merged.partitions.update(measure_existing(lake, table, others))
    except LakeError as error:
        result.failed.append(([one for one in partitions if _covered(one, manifests)], error))
        return
    result.merged[table.name] = merged
    for manifest in manifests:
        if problem := merged.problem(manifest.capture):
            result.failed.append(([one for one in partitions if _covered(one, [manifest])], problem))


def rebuild(
    lake: Lake,
    table: Table,
    manifests: Iterable[Manifest],
    *,
    only: Collection[Partition] | None = None,
    threads: int | None = None,
) -> MergeResult:
    """Merge landed captures again, without asking Mews. With `only`, they bring rows of these partitions."""
    return merge(lake, table, manifests, threads=threads, only=only)


def _of(pull: Pull, partitions: Iterable[Partition]) -> list[Partition]:
    scopes = frozenset(pull.scopes)  # there may be a thousand
    return [one for one in partitions if one.scope in scopes and pull.window.covers(one.window)]


def _covered(partition: Partition, manifests: Iterable[Manifest]) -> bool:
    return any(one.covers(partition.scope, partition.window) for one in manifests)
