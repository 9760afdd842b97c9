"""Changing the privacy policy of a lake.

Lives here: writing changes, edge rows, snapshots and current again under another policy. To hide more, the rows in the
files are masked. To show data that was hidden, or to hash with another key, rows are made again from the landing; that
is refused where captures have expired, because their rows would be lost. Not here: masking a row
(`conversion.mask_rows`).

While a change is unfinished, `lake.json` says so, and no rows are written under any other policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.model import RecordType, Table
from mews_assets.catalog.privacy import Pii, Privacy, has_personal
from mews_assets.catalog.reference_model import Reference
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.conversion.mask_rows import RowMasker
from mews_assets.lake.current import snapshot
from mews_assets.lake.current.update import update_current
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.erasure_list import erased_customers
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.progress import Progress, unwatched
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.rewrite_parquet import read_key_value_metadata, rewrite
from mews_assets.lake.storage.stored_policy import (
    begin_migration,
    is_migrating,
    is_migrating_to,
    is_stored_policy,
    stored_policy,
    without_policy,
    written_policy,
)
from mews_assets.windows import from_key

_MARK = b"mews_assets.pii"
"""Metadata key of a file that was masked by a policy change: masking it again would make other hashes."""


@dataclass(frozen=True)
class PolicyChange:
    """The files written. `from_landing`: rows were made again from the landing, not only masked."""

    files: int
    from_landing: bool


def change_policy(
    lake: Lake, tables: Iterable[Table], privacy: Privacy, progress: Progress = unwatched
) -> PolicyChange:
    """Write all tables again under a policy, whatever policy the lake was opened with.

    Raises LakeError, before anything is changed, where it cannot be done.
    """
    tables, lake = tuple(tables), replace(lake, privacy=privacy)
    with lake.lock("repolicy"):
        lake_file = lake.read_json(layout.LAKE_FILE)
        if is_stored_policy(lake_file, privacy):
            return PolicyChange(0, False)
        _begun(lake, lake_file, privacy)
        from_landing = not privacy.only_hides_more_than(stored_policy(lake_file))
        landed = {table.name: _landed(lake, table, privacy) if from_landing else [] for table in tables}
        lake.change_json(layout.LAKE_FILE, lambda now: _begun(lake, now or lake_file, privacy))
        if from_landing:  # nobody merges under the old policy any more: what landed until now is all there is
            landed = {table.name: _landed(lake, table, privacy) for table in tables}
        files = 0
        for number, table in enumerate(tables):
            progress("writing tables again", number, len(tables))
            if from_landing:
                files += _rebuild(lake, table, landed[table.name])
            else:
                files += _hide_more(lake, table)
        files += sum(_hide_in_reference(lake, reference, from_landing) for reference in REFERENCES)
        lake.change_json(
            layout.LAKE_FILE, lambda now: {**without_policy(now or lake_file), **written_policy(privacy)}
        )
    return PolicyChange(files, from_landing)


def _begun(lake: Lake, lake_file: dict[str, Any], privacy: Privacy) -> dict[str, Any]:
    """What `lake.json` says from now on. Raises LakeError where it is being changed to another policy."""
    if is_migrating(lake_file) and not is_migrating_to(lake_file, privacy):
        raise LakeError(
            f"{lake.uri('')} is being changed to another MEWS_PII than {privacy.pii}, or to another key. Set "
            "that value, and finish the change first"
        )
    return begin_migration(lake_file, privacy)


def _hide_more(lake: Lake, table: Table) -> int:
    with lake.lock(f"changes-{table.name}"):
        files = _hide_in(lake, table, layout.changes_folder(table.name))
        files += _hide_in(lake, table, layout.boundary_tables_folder(table.name))
    with lake.lock(snapshot.lock_name(table)):
        files += _hide_in(lake, table, layout.snapshot_folder(table.name))
    for name in lake.files(layout.current_folder(table.name), recursive=True):
        scope = layout.scope_of(name)
        with lake.lock_here(f"{layout.CURRENT}-{table.name}-{scope}"):
            files += _hide_in(lake, table, name.rpartition("/")[0])
    return files


def _hide_in_reference(lake: Lake, reference: Reference, from_landing: bool) -> int:
    """Reference tables have no landing: where rows would have to be made again, personal data is dropped from them, and
    the next refresh brings back what Mews still sends."""
    if not any(has_personal(column) for column in reference.columns):
        return 0
    hidden = replace(lake, privacy=Privacy(Pii.DROP)) if from_landing else lake
    with lake.lock(f"{layout.REFERENCE}-{reference.name}"):
        return _hide_in(hidden, reference, layout.reference_file(reference.name).rpartition("/")[0])


def _hide_in(lake: Lake, table: RecordType, folder: str) -> int:
    masker = RowMasker(table, lake.privacy, erased_customers(lake))
    mark = f"{lake.privacy.pii} {lake.privacy.fingerprint}".encode()
    files = 0
    for name in lake.files(folder, recursive=True):
        if read_key_value_metadata(lake, name, _MARK) != mark:
            with lake.workspace() as workspace:
                rewrite(lake, name, masker.mask, workspace, key_value_metadata={_MARK: mark})
            files += 1
    return files


def _rebuild(lake: Lake, table: Table, manifests: list[Manifest]) -> int:
    merged = merge(lake, table, manifests, from_scratch=True)
    if merged.rejected:
        raise LakeError(f"{table.name}: {next(iter(merged.rejected.values()))}")
    snapshot_scopes = [
        layout.scope_of(name) for name in lake.files(layout.snapshot_folder(table.name), recursive=True)
    ]
    for scope in snapshot_scopes:
        snapshot.merge_snapshots(lake, table, scope, from_landing=True)
    scopes = [layout.scope_of(name) for name in lake.files(layout.current_folder(table.name), recursive=True)]
    for scope in scopes:
        update_current(lake, table, scope, from_scratch=True)
    return len(merged.partitions) + len(snapshot_scopes) + len(scopes)


def _landed(lake: Lake, table: Table, privacy: Privacy) -> list[Manifest]:
    """All captures whose rows are in changes. Raises LakeError where one that rows need has expired."""
    without_rows = capture_states.without_rows(lake, table.name)
    manifests = [
        read_manifest(lake, table.name, capture) for capture in capture_store.captures(lake, table.name)
    ]
    merged = [manifest for manifest in manifests if manifest.capture not in without_rows]
    snapshots = snapshot.landed_snapshots(lake, table)
    if expired := sorted(
        manifest.capture for manifest in (*merged, *snapshots) if manifest.expired_at is not None
    ):
        raise LakeError(
            f"{table.name}: MEWS_PII={privacy.pii} cannot be applied: rows would have to be made again, and "
            f"{len(expired)} captures, {expired[0]} the first, are past MEWS_LANDING_DAYS and removed. Set MEWS_PII "
            "back, or make a new lake in another MEWS_LAKE"
        )
    for name in lake.files(layout.changes_folder(table.name), recursive=True):
        scope, key = layout.partition_of(name)
        if not any(manifest.covers(scope, from_key(key, lake.grain)) for manifest in merged):
            raise _not_covered(table, name)
    for name in lake.files(layout.snapshot_folder(table.name), recursive=True):
        if not any(layout.scope_of(name) in manifest.scopes for manifest in snapshots):
            raise _not_covered(table, name)
    return merged


def _not_covered(table: Table, name: str) -> LakeError:
    return LakeError(
        f"{table.name}: no capture in the landing covers {name}, so its rows could not be made again. Nothing was "
        "changed"
    )
