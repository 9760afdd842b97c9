"""Erasing a customer: every file that names the customer is written again without them, and a search proves it.

Lives here: the order of the work. Not here: changing a line (`landing.redact_lines`) and a row
(`conversion.mask_rows`), and keeping later captures from bringing the data back (`landing.erasure_list`).

No row and no line is removed: amounts and counts stay, and a rebuild from the landing gives the rows of changes. The id
stays in them; its record is empty. In a row that names the person all personal data is erased, also that of a companion
on the same bill: nobody can tell which free text is about whom.

The work can be stopped anywhere and done again. Each file is replaced whole, the erasure list first; the texts to
search for are kept until a search finds none (`pending_searches`). A file that cannot be read stops no other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import KEEP, is_data_subject_table
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.current import snapshot
from mews_assets.lake.erasure import pending_searches
from mews_assets.lake.erasure.identifying_texts import IdentifyingTexts, TextKind, TextSource, choose_texts
from mews_assets.lake.erasure.known_texts import Known, learn
from mews_assets.lake.erasure.unreadable_files import UnreadableFiles
from mews_assets.lake.erasure.verify_erasure import Copies, Found, search
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_states import CaptureState
from mews_assets.lake.landing.erasure_list import add_to_erasure_list, erased_customers
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.progress import Progress, unwatched
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.rewrite_parquet import rewrite
from mews_assets.lake.storage.state_files import read_state, write_state
from mews_assets.lake.text.match_ids import same_id
from mews_assets.lake.text.match_texts import TextMatcher

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{7,99}", re.ASCII)
"""Shorter ids would be found in half of all lines."""


@dataclass
class ErasureReport:
    """The result of an erasure. `people` are the ids: the requested one, and those that were merged into it."""

    people: tuple[str, ...]
    merged_into: tuple[str, ...]
    """Customers that the person was merged into: most likely the same person, but not erased."""
    texts: tuple[str, ...] = field(repr=False)
    """The texts that identify the person, which were searched for."""
    had_texts: bool = False
    """Whether some of them came from the lake or from an unfinished earlier try."""
    not_searched: int = 0
    """Number of further texts that identify nobody alone: short texts and everyday words."""
    before: str | None = None
    """Since when the person was on the erasure list before; None where it was not."""
    files: Counter[str] = field(default_factory=Counter)
    """Files rewritten, by layer."""
    records: Counter[str] = field(default_factory=Counter)
    """Lines and rows changed, by layer."""
    workspaces_in_use: int = 0
    found: Found = field(default_factory=Found)
    unread: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, and so were neither changed nor searched, with the type of the error."""

    @property
    def is_known(self) -> bool:
        """Whether anything in the lake is or was about this id."""
        return bool(self.found.naming or +self.files or self.had_texts)

    @property
    def is_done(self) -> bool:
        """Whether all files were read and no text remains."""
        return not (self.found.remaining or self.workspaces_in_use or self.unread)


def erase_customer(
    lake: Lake,
    tables: Iterable[Table],
    person: str,
    now: datetime,
    *,
    also: Collection[str] = (),
    copies: Copies | None = None,
    progress: Progress = unwatched,
) -> ErasureReport:
    """Erase a customer from the lake and from copies of its tables, and search both. `also` are more texts to search
    for, such as a name.

    Raises LakeError on a text that cannot be an id.
    """
    if not _ID.fullmatch(person):
        raise LakeError(f"{person[:40]!r} is no customer's id; find it in `id` of the table customers")
    tables, person, unreadable = tuple(tables), same_id(person), UnreadableFiles()
    known = Known({person})
    pending_searches.recall(lake, known)
    learn(lake, (table for table in tables if is_data_subject_table(table)), known, unreadable)
    pending_searches.recall(lake, known)
    had_texts = bool(known.texts)
    for text in also:
        known.add_text(text, TextSource(TextKind.NAME))
    pending_searches.save(lake, person, known)
    before = erased_customers(lake).get(person)
    add_to_erasure_list(lake, known.people, now)
    sought = _sought(lake, known, also)
    done = ErasureReport(tuple(sorted(known.people)), tuple(sorted(known.merged_into)), sought.texts)
    done.had_texts, done.not_searched, done.before = had_texts, sought.not_searched, before
    for number, table in enumerate(tables):
        progress("erasing in tables", number, len(tables))
        _erase_in_table(lake, table, known.people, done, unreadable)
    _withhold_problems(lake, sought, unreadable)
    done.workspaces_in_use = lake.drop_dead_workspaces()
    if copies is not None:
        # Before the search: should this fail, the texts are kept for the next try.
        copies.renew()
    done.found = search(lake, sought, done.people, tables, copies, progress)
    done.unread = {**unreadable.files, **done.found.unread}
    if done.is_done or not done.is_known:
        pending_searches.finish(lake, done.people)
    return done


def _sought(lake: Lake, known: Known, also: Collection[str]) -> IdentifyingTexts:
    """The texts to search for. Texts in `also` are searched for in any case."""
    sought = choose_texts(known.texts).with_texts(dict.fromkeys(also, TextSource(TextKind.NAME)))
    if lake.privacy.key:
        hashed = {lake.privacy.digest(text): source for text, source in sought.sources.items()}
        sought = sought.with_texts(
            {text: replace(source, kind=TextKind.NAME) for text, source in hashed.items()}
        )
    return sought


def _withhold_problems(lake: Lake, sought: IdentifyingTexts, unreadable: UnreadableFiles) -> None:
    """Hide the problem of a rejected capture where it repeats one of the texts."""
    needles = TextMatcher(sought.texts)
    for name in lake.files(layout.rejected_tables_folder(), recursive=True):
        with unreadable.of(name):
            state = read_state(lake, name, CaptureState)
            if needles.within(state.problem):
                shown = "not shown: it repeated a text of an erased customer"
                write_state(lake, name, replace(state, problem=shown))


def _erase_in_table(
    lake: Lake, table: Table, people: Collection[str], done: ErasureReport, unreadable: UnreadableFiles
) -> None:
    masker = RowMasker(table, KEEP, people)  # the policy was applied before
    work = _TableErasure(lake, table, people, masker, done, unreadable)
    with lake.lock(f"changes-{table.name}"), lake.workspace() as workspace:
        work.landed(table.name, workspace)
        work.rows(layout.changes_folder(table.name), layout.CHANGES, workspace)
        work.rows(layout.boundary_tables_folder(table.name), "boundary", workspace)
    with lake.lock(snapshot.lock_name(table)), lake.workspace() as workspace:
        work.landed(layout.snapshot_landing(table.name), workspace)
        work.rows(layout.snapshot_folder(table.name), layout.SNAPSHOT, workspace)
    for name in lake.files(layout.current_folder(table.name), recursive=True):
        scope = layout.scope_of(name)
        with lake.lock_here(f"{layout.CURRENT}-{table.name}-{scope}"), lake.workspace() as workspace:
            work.row_file(name, layout.CURRENT, workspace)


@dataclass(frozen=True)
class _TableErasure:
    """Erases people from the files of one table."""

    lake: Lake
    table: Table
    people: Collection[str]
    masker: RowMasker
    done: ErasureReport
    unreadable: UnreadableFiles

    def landed(self, name: str, workspace: Path) -> None:
        whole = set(capture_store.captures(self.lake, name))
        for capture in self.lake.folders(layout.landing_folder(name)):
            if capture not in whole:  # of a pull that did not end, without a manifest
                for file in self.lake.files(layout.capture_folder(name, capture)):
                    with self.unreadable.of(file):
                        lines = capture_store.redact_stray(self.lake, name, file, self.people, workspace)
                        self._count(layout.LANDING, bool(lines), lines)
                continue
            with self.unreadable.of(layout.manifest(name, capture)):
                before = read_manifest(self.lake, name, capture)
                after = capture_store.redact(self.lake, before, self.people, workspace)
                changed = sum(
                    file_before != file_after
                    for file_before, file_after in zip(before.files, after.files, strict=True)
                )
                self._count(layout.LANDING, changed, after.redacted_lines - before.redacted_lines)

    def rows(self, folder: str, layer: str, workspace: Path) -> None:
        for name in self.lake.files(folder, recursive=True):
            self.row_file(name, layer, workspace)

    def row_file(self, name: str, layer: str, workspace: Path) -> None:
        with self.unreadable.of(name):
            changed = rewrite(self.lake, name, self.masker.mask, workspace)
            self._count(layer, bool(changed), changed)

    def _count(self, layer: str, files: int, records: int) -> None:
        self.done.files[layer] += files
        self.done.records[layer] += records
