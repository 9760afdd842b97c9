"""Materialising partitions: plan, pull, land, merge.

Lives here: the one way to make partitions, for a Dagster run, the command and tests. Runs without Dagster. Not here:
one pull (`pull`), which pulls (`plan`). A pull that fails does not stop the others.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
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
"""Threads at once, one per connection; each mostly waits for Mews."""
_PULLING = "asking Mews and landing"
LOGGED_PULLS = 4
"""More pulls in one run are counted in its log, and not told one by one: a line of it is an event of Dagster."""
PAGES_AT_ONCE = 4
"""Pulls by pages of one connection at once: enough to use the time of waiting for answers; pacing limits the rate."""


class UnsettledWindowError(ValueError):
    """A window was requested that Mews does not answer for yet."""

    retryable = True
    """It will have settled later. Our clock may have been corrected since the window was thought to have settled."""


_Pulled = tuple[Pull, Landed | MewsError | LakeError]


@dataclass
class Materialised:
    """The result: by table what was merged and what landed, and each error with the partitions it concerns."""

    merged: dict[str, MergeResult] = field(default_factory=dict)
    landed: dict[str, list[Manifest]] = field(default_factory=dict)
    failed: list[tuple[list[Partition], Exception]] = field(default_factory=list)
    found: dict[str, list[Manifest]] = field(default_factory=dict)
    """By table: captures of the requested partitions that other runs had landed, so that this run did not pull them."""


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
    settled_also = {
        partition
        for partition in request.also
        if partition.window.is_settled(puller.now(), by_day=table.by_day)
    }
    everything = sorted({*partitions, *settled_also})

    def still_missing(pulls: Iterable[Pull]) -> list[Pull]:
        missing = _not_landed(lake, table, everything, request.landed_since)
        return [pull for pull in pulls if _of(pull, missing)]

    pulls = request.pulls
    if pulls is None:
        missing = _not_landed(lake, table, everything, request.landed_since)
        back = LookBack(puller.lookback, lake.grain, lambda near: _existing(lake, table, near))
        pulls = plan_looking_back(
            table, missing, lambda scope: directory.connection_of(table.scope, scope), back
        )
    result = Materialised()
    asked = set(partitions)
    with lake.workspace() as workspace:
        raw: dict[str, dict[str, list[Path]]] = {}
        chosen = still_missing(pulls)
        if len(chosen) > LOGGED_PULLS:
            log.info("%s: %d pulls, which the log does not tell one by one", table.name, len(chosen))
            puller = replace(puller, log_level=logging.DEBUG)
        pulling = _Pulling(
            table,
            clients,
            puller,
            workspace,
            still_missing,
            takes_turns=request.pulls is None,
            count=len(chosen),
        )
        for pull, landed in pulling.run(chosen):
            if isinstance(landed, Exception):
                log.error("%s: %s failed: %s", table.name, pull.window, landed)
                result.failed.append((_of(pull, everything), landed))
                continue
            for name, manifest in landed.manifests.items():
                result.landed.setdefault(name, []).append(manifest)
                raw.setdefault(manifest.capture, {})[name] = landed.raw[name]
        for number, partner in enumerate(partners(table)):
            puller.progress("merging tables", number, len(partners(table)))
            _merge(lake, partner, everything, asked, raw, threads, result)
    if request.landed_since is not None:
        _note_found(lake, table, partitions, request.landed_since, result)
    # Partitions that only other runs want are reported by those runs: they ask for them themselves.
    result.failed = [
        (own, error)
        for concerned, error in result.failed
        if (own := [partition for partition in concerned if partition in asked]) or not concerned
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


def _existing(lake: Lake, table: Table, partitions: Sequence[Partition]) -> list[Partition]:
    """The partitions whose files exist in the lake, in every table of the same operation."""
    existing = list(partitions)
    for partner in partners(table):
        names = {
            partition: layout.changes_file(partner.name, partition.scope, partition.key(lake.grain))
            for partition in existing
        }
        found = lake.existing(list(names.values())) if names else set()
        existing = [partition for partition, name in names.items() if name in found]
    return existing


def _not_landed(
    lake: Lake, table: Table, partitions: list[Partition], since: datetime | None
) -> list[Partition]:
    recent = capture_store.captures_since(lake, table.name, since) if since else []
    return not_covered(partitions, [(manifest.scopes, manifest.window) for manifest in recent])


def _note_found(
    lake: Lake, table: Table, partitions: list[Partition], since: datetime, result: Materialised
) -> None:
    """Note the captures of other runs that hold the partitions which no pull of this run covered."""
    for partner in partners(table):
        own = result.landed.get(partner.name, [])
        uncovered = [partition for partition in partitions if not _covered(partition, own)]
        if uncovered:
            landed = capture_store.captures_since(lake, partner.name, since)
            result.found[partner.name] = [
                manifest
                for manifest in landed
                if any(_covered(partition, [manifest]) for partition in uncovered)
            ]


@dataclass(frozen=True)
class _Pulling:
    """All pulls of one table, its connections at once."""

    table: Table
    clients: Mapping[str, MewsClient]
    puller: Puller
    workspace: Path
    still_missing: Callable[[Iterable[Pull]], list[Pull]]
    takes_turns: bool
    """Whether to wait for other runs; not if the export is ready at Mews and only has to be downloaded."""
    count: int
    """Pulls in all."""
    _done: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, pulls: list[Pull]) -> Iterator[_Pulled]:
        self.puller.progress(_PULLING, 0, self.count)
        by_connection: dict[str, list[Pull]] = {}
        for pull in pulls:
            by_connection.setdefault(pull.connection, []).append(pull)
        if by_connection:
            at_once = min(len(by_connection), CONNECTIONS_AT_ONCE)
            with ThreadPoolExecutor(at_once, thread_name_prefix="connection") as pool:
                for done in pool.map(self._of_connection, by_connection, by_connection.values()):
                    yield from done

    def _of_connection(self, connection: str, pulls: list[Pull]) -> list[_Pulled]:
        """One run at a time pulls a table over one connection; the next run finds the captures that the first landed.

        Exports of one connection wait for each other at Mews anyway; pulls by pages run at once within its pacing.
        """
        first = partners(self.table)[0].name
        turn = self.puller.lake.lock(f"pull-{first}-{connection}") if self.takes_turns else nullcontext()
        with turn:
            pulls = self.still_missing(pulls)
            at_once = 1 if isinstance(self.table.fetch, Export) else PAGES_AT_ONCE
            with ThreadPoolExecutor(at_once, thread_name_prefix="pull") as pool:
                return list(pool.map(self._pulled, pulls))

    def _pulled(self, pull: Pull) -> _Pulled:
        pulled = self._land(pull)
        self.puller.progress(_PULLING, next(self._done), self.count)
        return pulled

    def _land(self, pull: Pull) -> _Pulled:
        try:
            client = self.clients[pull.connection]
            return pull, self.puller.pull(self.table, pull, client, self.workspace)
        except (MewsError, LakeError) as error:
            return pull, error
        except OSError as error:
            message = f"{self.table.name}: {pull.window} was not landed: {cause_of(error)}"
            return pull, PassingError(message)


def _merge(
    lake: Lake,
    table: Table,
    partitions: list[Partition],
    asked: set[Partition],
    raw: Mapping[str, Mapping[str, list[Path]]],
    threads: int | None,
    result: Materialised,
) -> None:
    """Merge what landed for one table, and measure the requested partitions that nothing new came for.

    Not those that only other runs want: then each run of a backfill would measure all of its partitions.
    """
    manifests = result.landed.get(table.name, [])
    try:
        merged = merge(lake, table, raw=raw, threads=threads)
        others = (
            partition for partition in partitions if partition in asked and partition not in merged.partitions
        )
        merged.partitions.update(measure_existing(lake, table, others))
    except LakeError as error:
        result.failed.append(
            ([partition for partition in partitions if _covered(partition, manifests)], error)
        )
        return
    result.merged[table.name] = merged
    for manifest in manifests:
        if problem := merged.problem(manifest.capture):
            result.failed.append(
                ([partition for partition in partitions if _covered(partition, [manifest])], problem)
            )


def rebuild(
    lake: Lake,
    table: Table,
    manifests: Iterable[Manifest],
    *,
    only: Collection[Partition] | None = None,
    threads: int | None = None,
) -> MergeResult:
    """Merge landed captures again, without requests to Mews. With `only`, just the rows of these partitions."""
    return merge(lake, table, manifests, threads=threads, only=only)


def _of(pull: Pull, partitions: Iterable[Partition]) -> list[Partition]:
    scopes = frozenset(pull.scopes)  # there may be a thousand
    return [
        partition
        for partition in partitions
        if partition.scope in scopes and pull.window.covers(partition.window)
    ]


def _covered(partition: Partition, manifests: Iterable[Manifest]) -> bool:
    return any(manifest.covers(partition.scope, partition.window) for manifest in manifests)
