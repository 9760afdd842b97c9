"""A lake brought from one treatment of personal data to another.

Lives here: writing changes, boundary rows and current anew under a policy. To hide more, rows are changed where they
stand. To show what was hidden, or to hash with another key, they are made again from the landing; that is refused
where captures are gone, since rows would be gone with them. Not here: what a policy does to a row (`hiding`).

Stopped halfway, the lake says what it is on the way to, and takes no new rows until it got there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import Privacy
from mews_assets.lake import landing, layout, snapshot
from mews_assets.lake.changes import merge
from mews_assets.lake.current import fold
from mews_assets.lake.errors import LakeError
from mews_assets.lake.forgotten import forgotten
from mews_assets.lake.hiding import Hiding
from mews_assets.lake.landing import Manifest
from mews_assets.lake.policy import (
    begun,
    is_laid_under,
    is_on_the_way,
    is_on_the_way_to,
    laid_under,
    without_policy,
    written_policy,
)
from mews_assets.lake.rewriting import rewrite, says
from mews_assets.lake.store import Lake
from mews_assets.windows import from_key

_MARK = b"mews_assets.pii"
"""In a file that was hashed where it stood: hashing it again would make other hashes."""


@dataclass(frozen=True)
class Repolicied:
    """What it took. `from_landing` says whether rows were made again, not only changed."""

    files: int
    from_landing: bool


def repolicy(lake: Lake, tables: Iterable[Table], privacy: Privacy) -> Repolicied:
    """Bring all tables under a policy, whatever one the lake was opened under.

    Raises LakeError before anything is changed where it cannot be done.
    """
    tables, lake = tuple(tables), replace(lake, privacy=privacy)
    with lake.lock("repolicy"):
        laid = lake.read_json(layout.LAKE_FILE)
        if is_laid_under(laid, privacy):
            return Repolicied(0, False)
        if is_on_the_way(laid) and not is_on_the_way_to(laid, privacy):
            raise LakeError(
                f"{lake.uri('')} is on its way to another MEWS_PII than {privacy.pii}, or to another key. Set "
                "that one, and go on with it first"
            )
        from_landing = not privacy.only_hides_more_than(laid_under(laid))
        landed = {table.name: _landed(lake, table, privacy) if from_landing else [] for table in tables}
        lake.write_json(layout.LAKE_FILE, begun(laid, privacy))
        files = 0
        for table in tables:
            if from_landing:
                files += _make_again(lake, table, landed[table.name])
            else:
                files += _hide_more(lake, table)
        lake.write_json(layout.LAKE_FILE, {**without_policy(laid), **written_policy(privacy)})
    return Repolicied(files, from_landing)


def _hide_more(lake: Lake, table: Table) -> int:
    with lake.lock(f"changes-{table.name}"):
        files = _hide_in(lake, table, layout.changes_folder(table.name))
        files += _hide_in(lake, table, layout.boundary_tables_folder(table.name))
    with lake.lock(snapshot.lock_name(table)):
        files += _hide_in(lake, table, layout.snapshot_folder(table.name))
    for name in lake.files(layout.current_folder(table.name), recursive=True):
        scope = layout.scope_of(name)
        with lake.lock(f"{layout.CURRENT}-{table.name}-{scope}"):
            files += _hide_in(lake, table, name.rpartition("/")[0])
    return files


def _hide_in(lake: Lake, table: Table, folder: str) -> int:
    hiding = Hiding(table, lake.privacy, forgotten(lake))
    mark = f"{lake.privacy.pii} {lake.privacy.fingerprint}".encode()
    files = 0
    for name in lake.files(folder, recursive=True):
        if says(lake, name, _MARK) != mark:
            with lake.workspace() as workspace:
                rewrite(lake, name, hiding.rows, workspace, says={_MARK: mark})
            files += 1
    return files


def _make_again(lake: Lake, table: Table, manifests: list[Manifest]) -> int:
    merged = merge(lake, table, manifests, from_scratch=True)
    if merged.rejected:
        raise LakeError(f"{table.name}: {next(iter(merged.rejected.values()))}")
    shown = [layout.scope_of(name) for name in lake.files(layout.snapshot_folder(table.name), recursive=True)]
    for scope in shown:
        snapshot.take_in(lake, table, scope, from_landing=True)
    scopes = [layout.scope_of(name) for name in lake.files(layout.current_folder(table.name), recursive=True)]
    for scope in scopes:
        fold(lake, table, scope, from_scratch=True)
    return len(merged.partitions) + len(shown) + len(scopes)


def _landed(lake: Lake, table: Table, privacy: Privacy) -> list[Manifest]:
    """All captures whose rows are in changes. Raises LakeError where one is gone that rows need."""
    without_rows = landing.without_rows(lake, table.name)
    every = [landing.read_manifest(lake, table.name, one) for one in landing.captures(lake, table.name)]
    used = [one for one in every if one.capture not in without_rows]
    shown = snapshot.landed(lake, table)
    if gone := sorted(one.capture for one in (*used, *shown) if one.expired_at is not None):
        raise LakeError(
            f"{table.name}: MEWS_PII={privacy.pii} cannot be brought in, for rows would have to be made again, and "
            f"{len(gone)} captures, {gone[0]} the first, are past MEWS_LANDING_DAYS and removed. Set MEWS_PII back, or "
            "lay a new lake in another MEWS_LAKE"
        )
    for name in lake.files(layout.changes_folder(table.name), recursive=True):
        scope, key = layout.partition_of(name)
        if not any(one.covers(scope, from_key(key, lake.grain)) for one in used):
            raise _nothing_landed(table, name)
    for name in lake.files(layout.snapshot_folder(table.name), recursive=True):
        if not any(layout.scope_of(name) in one.scopes for one in shown):
            raise _nothing_landed(table, name)
    return used


def _nothing_landed(table: Table, name: str) -> LakeError:
    return LakeError(
        f"{table.name}: nothing is in the landing of {name}, so its rows could not be made again. Nothing was changed"
    )
