"""One pull: requested from Mews, its answer landed.

Lives here: fetching by export or by pages, and writing the files into the landing. Not here: which pulls to make
(`plan`), and merging captures into partitions (`lake.changes`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mews_assets.api import Export as MewsExport
from mews_assets.api import (
    ExportExpiredError,
    ExportFailedError,
    ExportInFlightError,
    MewsClient,
    PermanentError,
    add_export,
    download_files,
    get_exports,
    wait_for_export,
)
from mews_assets.api.errors import TooLargeError
from mews_assets.api.pages import Pages as MewsPages
from mews_assets.api.waiting import backoff_delays
from mews_assets.catalog import partners
from mews_assets.catalog.model import Export, Pages, ScopeKind, Table
from mews_assets.ingest.owners import changed_ids, chunks, named_in, owned_by, owners_of
from mews_assets.ingest.plan import Pull
from mews_assets.lake.landing import capture_store, export_log
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.lake.landing.manifests import Manifest, new_capture_id
from mews_assets.lake.progress import Progress, unwatched
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import NO_LOOKBACK, Lookback, Window, split, to_api, to_api_dates, to_text

log = logging.getLogger(__name__)

DEADLINE_SECONDS = 6 * 3600.0
"""How long a run waits for one export. Mews names minutes to hours; the id is kept for the next run."""
ADD_AGAIN_SECONDS = (1.0, 30.0)
"""The first and the longest pause before an export is added again, while another one of its type is in flight."""


@dataclass(frozen=True)
class Landed:
    """The captures of one pull: a manifest for each table of the operation, and the raw files until the run ends."""

    manifests: dict[str, Manifest]
    raw: dict[str, list[Path]] = field(repr=False)
    """By table, uncompressed, in the caller's workspace."""


@dataclass(frozen=True)
class Puller:
    """Makes pulls into one lake. `now` is Mews' time, which captures are stamped with."""

    lake: Lake
    now: Callable[[], datetime]
    deadline_seconds: float = DEADLINE_SECONDS
    asked_by: str = ""
    """The id of the Dagster run, for the export log and the manifest."""
    lookback: Lookback = NO_LOOKBACK
    """How far planned pulls reach back over windows that exist."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    log_level: int = logging.INFO
    """Of the lines that tell what was asked and what came."""
    progress: Progress = unwatched
    """Called with every pull that is over."""

    def pull(self, table: Table, pull: Pull, client: MewsClient, workspace: Path) -> Landed:
        """Fetch and land one pull. Raises MewsError: then nothing is landed, and a pending export stays in the log."""
        folder = workspace / new_capture_id(self.now())
        folder.mkdir()
        if isinstance(table.fetch, Export):
            return self._pull_export(table, table.fetch, pull, client, folder)
        try:
            return self._pull_pages(table, pull, client, folder)
        except PermanentError as error:
            if not table.fetch.is_documented and error.status in (400, 401, 403, 404):
                error.advice = f"{error.advice} {undocumented_advice([table.name])}".strip()
            raise

    def _pull_export(
        self, table: Table, fetch: Export, pull: Pull, client: MewsClient, folder: Path
    ) -> Landed:
        asked = self._find_or_add(table, fetch, pull, client)
        began = self.clock()
        try:
            ready = wait_for_export(
                client,
                asked.id,
                deadline_seconds=self.deadline_seconds,
                clock=self.clock,
                sleep=self.sleep,
                log_level=self.log_level,
            )
            waited = self.clock() - began
            # The links that the last poll brought; where they die, Mews is asked for others.
            polled = iter([ready])
            files = download_files(
                client,
                asked.id,
                folder,
                refresh=lambda: next(polled, None) or self._status(client, asked),
            )
        except (ExportFailedError, ExportExpiredError):
            export_log.remove(self.lake, asked)
            raise
        source = {"entity_type": fetch.entity_type, "export_id": asked.id}
        # The rows are as of some moment after the export was added: the time of adding is the safe one.
        raw = [file.path for file in files]
        owners = _owners(table, pull, client, raw)
        manifest = self._manifest(table, pull, asked.asked_at, source, owners)
        landed = capture_store.land(self.lake, manifest, raw, folder)
        export_log.remove(self.lake, asked)
        log.log(
            self.log_level,
            "%s: export %s was ready after %.0f s; %s lines in %s landed as capture %s",
            *(table.name, asked.id, waited, f"{landed.lines:,}", _counted(len(raw), "file"), landed.capture),
        )
        return Landed({table.name: landed}, {table.name: raw})

    def _find_or_add(self, table: Table, fetch: Export, pull: Pull, client: MewsClient) -> LoggedExport:
        """The export of this pull: one that was added before, or a new one, whose id is saved at once."""
        until = self.clock() + self.deadline_seconds
        pauses = backoff_delays(*ADD_AGAIN_SECONDS)
        while True:
            if earlier := self._added_before(table, pull, client):
                return earlier
            asked_at = self.now()
            try:
                export = add_export(client, fetch.entity_type, **export_arguments(table, fetch, pull))
            except ExportInFlightError as error:
                pause = next(pauses)
                if self.clock() + pause > until:
                    raise
                log.info("%s Trying again in %.0f s.", error, pause)
                self.sleep(pause)
                continue
            asked = LoggedExport(
                id=export.id,
                connection=pull.connection,
                table=pull.landing_of(table),
                scopes=pull.scopes,
                window=pull.window,
                asked_at=asked_at,
                asked_by=self.asked_by,
            )
            export_log.save(self.lake, asked)
            log.log(
                self.log_level, "%s: asked for export %s of %s", table.name, asked.id, _subject(table, pull)
            )
            return asked

    def _added_before(self, table: Table, pull: Pull, client: MewsClient) -> LoggedExport | None:
        """An export of the same scopes and window that is pending or ready at Mews."""
        same = [
            asked
            for asked in export_log.logged_exports(self.lake, pull.connection, pull.landing_of(table))
            if asked.scopes == pull.scopes and asked.window == pull.window
        ]
        states = get_exports(client, [asked.id for asked in same]) if same else {}
        for asked in same:
            state = states.get(asked.id)
            if state is not None and state.next.value in ("wait", "ready"):
                log.log(
                    self.log_level,
                    "%s: going on with export %s of %s, asked for at %s",
                    *(table.name, asked.id, _subject(table, pull), to_api(asked.asked_at)),
                )
                return asked
            export_log.remove(self.lake, asked)
        return None

    def _status(self, client: MewsClient, asked: LoggedExport) -> MewsExport:
        export = get_exports(client, [asked.id])[asked.id]
        if export is None:
            raise ExportExpiredError(
                f"Mews does not know export {asked.id} any more.", connection=client.connection
            )
        return export

    def _pull_pages(self, table: Table, pull: Pull, client: MewsClient, folder: Path) -> Landed:
        """All records of the window, page by page; a window that is too heavy is requested in halves."""
        captured_at = self.now()
        tables = [other for other in partners(table) if isinstance(other.fetch, Pages)]
        keys = {other.fetch.records_key: other for other in tables if isinstance(other.fetch, Pages)}
        fetch = table.fetch
        assert isinstance(fetch, Pages)
        raw = {other.name: folder / f"{other.name}.jsonl" for other in tables}
        request_ids: list[str | None] = []
        owned = (
            changed_ids(self.lake, table, pull) if fetch.of_parents else owned_ids(table, fetch, pull, client)
        )
        requests = list(page_requests(fetch, pull, owned))
        files = {name: path.open("wb") for name, path in raw.items()}
        try:
            while requests:
                window, filtered_by, request = requests.pop()
                ends = {name: file.tell() for name, file in files.items()}
                body = {**request, **({filtered_by: filter_of(fetch, window)} if filtered_by else {})}
                pages = MewsPages(client, fetch.operation, tuple(keys), body)
                asked = len(request_ids)
                try:
                    for page in pages:
                        request_ids.append(page.request_id)
                        for key, records in page.records.items():
                            files[keys[key].name].writelines(record + b"\n" for record in records)
                except TooLargeError as error:
                    for name, file in files.items():
                        file.truncate(ends[name])
                        file.seek(ends[name])
                    del request_ids[asked:]
                    if not filtered_by or fetch.by_dates:  # there is no half of a day
                        raise
                    try:
                        older, newer = window.halves()
                    except ValueError:
                        raise error from None
                    requests += [(newer, filtered_by, request), (older, filtered_by, request)]
        finally:
            for file in files.values():
                file.close()
        capture = folder.name
        source: dict[str, Any] = {"operation": fetch.operation, "request_ids": request_ids}
        manifests = {}
        # Bills land before their items: a reader who sees a capture of items must find that of their bills.
        for other in sorted(tables, key=lambda table: table.parent_key is not None):
            owners = _owners(other, pull, client, [raw[other.name]], owned)
            manifest = self._manifest(other, pull, captured_at, source, owners)
            manifests[other.name] = capture_store.land(
                self.lake, replace(manifest, capture=capture), [raw[other.name]], folder
            )
        lines = ", ".join(f"{manifest.lines:,} lines of {name}" for name, manifest in manifests.items())
        log.log(
            self.log_level,
            "%s by %s in %s: %s landed as capture %s",
            *(_subject(table, pull), fetch.operation, _counted(len(request_ids), "request"), lines, capture),
        )
        return Landed(manifests, {name: [path] for name, path in raw.items()})

    def _manifest(
        self,
        table: Table,
        pull: Pull,
        captured_at: datetime,
        source: dict[str, Any],
        owners: dict[str, str],
    ) -> Manifest:
        return Manifest(
            new_capture_id(captured_at),
            pull.landing_of(table),
            pull.connection,
            pull.scopes,
            pull.window,
            captured_at,
            {**source, "run_id": self.asked_by} if self.asked_by else source,
            owners=owners,
        )


def _subject(table: Table, pull: Pull) -> str:
    """What a pull asks about, for the log."""
    return f"{table.entity} for {_counted(len(pull.scopes), table.scope.value)}, {to_text(pull.window)}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def export_arguments(table: Table, fetch: Export, pull: Pull) -> dict[str, Any]:
    """The arguments of `add_export` for a pull."""
    key = "enterprise_ids" if table.scope is ScopeKind.ENTERPRISE else "chain_ids"
    if pull.is_snapshot:
        return {key: pull.scopes}
    if fetch.filter == "Posting":
        return {key: pull.scopes, "posting": to_api_dates(pull.window)}
    return {key: pull.scopes, "updated": pull.window}


def page_requests(
    fetch: Pages, pull: Pull, owned: Mapping[str, str]
) -> Iterable[tuple[Window, str, dict[str, Any]]]:
    """The request bodies of a pull by pages, each with its window and filter. None if the scopes own nothing."""
    bodies = [{**fetch.parameters, fetch.scope_parameter: list(pull.scopes)}]
    if fetch.of_parents:
        parameter, limit = fetch.of_parents.parameter, fetch.of_parents.limit
        return [(pull.window, "", {**bodies[0], parameter: ids}) for ids in chunks(owned, limit)]
    if fetch.owned_parameter:
        bodies = [{**bodies[0], fetch.owned_parameter: ids} for ids in chunks(owned)]
    filters = (fetch.filter, *fetch.also_filtered_by)
    pieces = split(pull.window, fetch.max_length)
    return [(piece, filtered_by, body) for piece in pieces for filtered_by in filters for body in bodies]


def filter_of(fetch: Pages, window: Window) -> dict[str, str]:
    """The window as the value of the operation's filter. Raises ValueError for parts of days that it cannot say."""
    if fetch.by_dates:
        return dict(zip(("Start", "End"), to_api_dates(window), strict=True))
    return as_interval(window)


def undocumented_advice(tables: Iterable[str]) -> str:
    """What to do where Mews refuses an operation that it does not document."""
    names = ", ".join(tables)
    return (
        f"Mews does not document this operation; fetch {names} by export, MEWS_FETCH without {names}=pages."
    )


def as_interval(window: Window) -> dict[str, str]:
    return {"StartUtc": to_api(window.start), "EndUtc": to_api(window.end)}


def owned_ids(table: Table, fetch: Pages, pull: Pull, client: MewsClient) -> dict[str, str]:
    """The ids that the scopes own, if the operation requires them. All of them existed before the window settled."""
    if not fetch.owned_parameter or table.lookup is None:
        return {}
    return owned_by(client, table.lookup, pull.scopes)


def _owners(
    table: Table,
    pull: Pull,
    client: MewsClient,
    raw: Iterable[Path],
    known: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The scope of each id that the rows name. Empty if the pull has one scope only."""
    if table.lookup is None or table.scope_column is None or len(pull.scopes) == 1:
        return {}
    return owners_of(client, table.lookup, named_in(raw, table.scope_column), known or {})
