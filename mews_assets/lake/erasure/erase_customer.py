"""Forgetting a customer: every file that holds them written anew without them, and a search that proves it.

Lives here: the order of the work. Not here: what is taken out of a line (`redaction`) and of a row (`hiding`), how
later captures are kept from bringing it back (`forgotten`).

No row and no line goes: money stays money, counts stay counts, and what is rebuilt from the landing is what stands
in changes. The id stays in them; the record it leads to is empty. In a row that names the person everything personal
goes, a companion's on the same bill too: nobody can tell which free text is about whom.

The work can be stopped anywhere and done again. Each file is put in place whole, the list of the forgotten first; what
is to be searched for is kept until a search finds nothing left (`owed`). A file that cannot be read stops no other.
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
from mews_assets.lake.erasure.identifying_texts import Standing, Stood, Telling, telling
from mews_assets.lake.erasure.known_texts import Known, learn
from mews_assets.lake.erasure.unreadable_files import Damage
from mews_assets.lake.erasure.verify_erasure import Found, search
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.capture_states import CaptureState
from mews_assets.lake.landing.erasure_list import add_to_erasure_list, erased_customers
from mews_assets.lake.landing.manifests import read_manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.rewrite_parquet import rewrite
from mews_assets.lake.storage.state_files import read_state, write_state
from mews_assets.lake.text.match_ids import same_id
from mews_assets.lake.text.match_texts import Needles

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{7,99}", re.ASCII)
"""Short ones would be found in half of all lines."""


@dataclass
class ErasureReport:
    """What forgetting did. `people` are the ids: the one asked for, and those that were merged into it."""

    people: tuple[str, ...]
    merged_into: tuple[str, ...]
    """Customers that the person was merged into: the same person most likely, and not touched."""
    texts: tuple[str, ...] = field(repr=False)
    """What told who the person is, as far as the lake knew, and was then looked for."""
    had_texts: bool = False
    """Whether some of these came from the lake, or from an earlier try that did not end."""
    unsaid: int = 0
    """Further texts that tell nobody by themselves: short ones, and everyday words."""
    before: str | None = None
    """Since when the person was on the list of the forgotten."""
    files: Counter[str] = field(default_factory=Counter)
    """Rewritten, by layer."""
    records: Counter[str] = field(default_factory=Counter)
    """Lines and rows changed, by layer."""
    workspaces_in_use: int = 0
    found: Found = field(default_factory=Found)
    unread: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, and so neither be written anew nor searched, with the error's kind."""

    @property
    def is_known(self) -> bool:
        """Whether anything in the lake is, or was, about this id."""
        return bool(self.found.naming or +self.files or self.had_texts)

    @property
    def is_done(self) -> bool:
        """Whether everything was read and nothing is left."""
        return not (self.found.left or self.workspaces_in_use or self.unread)


def erase_customer(
    lake: Lake, tables: Iterable[Table], person: str, now: datetime, *, also: Collection[str] = ()
) -> ErasureReport:
    """Take a customer out of the lake and search it. `also` are more texts to look for, such as a name.

    Raises LakeError on what is no id.
    """
    if not _ID.fullmatch(person):
        raise LakeError(f"{person[:40]!r} is no customer's id; it stands in `id` of the table customers")
    tables, person, damage = tuple(tables), same_id(person), Damage()
    known = Known({person})
    pending_searches.recall(lake, known)
    learn(lake, (table for table in tables if is_data_subject_table(table)), known, damage)
    pending_searches.recall(lake, known)
    had_texts = bool(known.texts)
    for text in also:
        known.take(text, Stood(Standing.NAME))
    pending_searches.owe(lake, person, known)
    before = erased_customers(lake).get(person)
    add_to_erasure_list(lake, known.people, now)
    sought = _sought(lake, known, also)
    done = ErasureReport(tuple(sorted(known.people)), tuple(sorted(known.merged_into)), sought.texts)
    done.had_texts, done.unsaid, done.before = had_texts, sought.unsaid, before
    for table in tables:
        _erase_in_table(lake, table, known.people, done, damage)
    _withhold_problems(lake, sought, damage)
    done.workspaces_in_use = lake.drop_dead_workspaces()
    done.found = search(lake, sought, done.people, tables)
    done.unread = {**damage.files, **done.found.unread}
    if done.is_done or not done.is_known:
        pending_searches.settle(lake, done.people)
    return done


def _sought(lake: Lake, known: Known, also: Collection[str]) -> Telling:
    """The texts to look for. What somebody names is looked for whatever it is."""
    sought = telling(known.texts).also(dict.fromkeys(also, Stood(Standing.NAME)))
    if lake.privacy.key:
        hashed = {lake.privacy.digest(text): stood for text, stood in sought.stood.items()}
        sought = sought.also({text: replace(stood, standing=Standing.NAME) for text, stood in hashed.items()})
    return sought


def _withhold_problems(lake: Lake, sought: Telling, damage: Damage) -> None:
    """Why a capture was rejected may repeat a value of its lines."""
    needles = Needles(sought.texts)
    for name in lake.files(layout.rejected_tables_folder(), recursive=True):
        with damage.of(name):
            state = read_state(lake, name, CaptureState)
            if needles.within(state.problem):
                shown = "not shown: it repeated a text of an erased customer"
                write_state(lake, name, replace(state, problem=shown))


def _erase_in_table(
    lake: Lake, table: Table, people: Collection[str], done: ErasureReport, damage: Damage
) -> None:
    hiding = RowMasker(table, KEEP, people)  # what the policy hides is hidden already
    work = _Work(lake, table, people, hiding, done, damage)
    with lake.lock(f"changes-{table.name}"), lake.workspace() as workspace:
        work.landed(table.name, workspace)
        work.rows(layout.changes_folder(table.name), layout.CHANGES, workspace)
        work.rows(layout.boundary_tables_folder(table.name), "boundary", workspace)
    with lake.lock(snapshot.lock_name(table)), lake.workspace() as workspace:
        work.landed(layout.snapshot_landing(table.name), workspace)
        work.rows(layout.snapshot_folder(table.name), layout.SNAPSHOT, workspace)
    for name in lake.files(layout.current_folder(table.name), recursive=True):
        scope = layout.scope_of(name)
        with lake.lock(f"{layout.CURRENT}-{table.name}-{scope}"), lake.workspace() as workspace:
            work.row_file(name, layout.CURRENT, workspace)


@dataclass(frozen=True)
class _Work:
    """Taking people out of the files of one table."""

    lake: Lake
    table: Table
    people: Collection[str]
    hiding: RowMasker
    done: ErasureReport
    damage: Damage

    def landed(self, name: str, workspace: Path) -> None:
        whole = set(capture_store.captures(self.lake, name))
        for capture in self.lake.folders(layout.landing_folder(name)):
            if (
                capture not in whole
            ):  # a pull that did not end: no reader looks into it, and it may hold anybody
                for file in self.lake.files(layout.capture_folder(name, capture)):
                    with self.damage.of(file):
                        lines = capture_store.redact_stray(self.lake, name, file, self.people, workspace)
                        self._count(layout.LANDING, bool(lines), lines)
                continue
            with self.damage.of(layout.manifest(name, capture)):
                before = read_manifest(self.lake, name, capture)
                after = capture_store.redact(self.lake, before, self.people, workspace)
                changed = sum(one != other for one, other in zip(before.files, after.files, strict=True))
                self._count(layout.LANDING, changed, after.redacted_lines - before.redacted_lines)

    def rows(self, folder: str, layer: str, workspace: Path) -> None:
        for name in self.lake.files(folder, recursive=True):
            self.row_file(name, layer, workspace)

    def row_file(self, name: str, layer: str, workspace: Path) -> None:
        with self.damage.of(name):
            changed = rewrite(self.lake, name, self.hiding.mask, workspace)
            self._count(layer, bool(changed), changed)

    def _count(self, layer: str, files: int, records: int) -> None:
        self.done.files[layer] += files
        self.done.records[layer] += records
