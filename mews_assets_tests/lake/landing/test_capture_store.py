"""Landings: bytes kept as they came, a manifest that says what they are."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import zstandard

from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_states, capture_store
from mews_assets.lake.landing.manifests import Manifest, new_capture_id, read_manifest, write_manifest
from mews_assets.lake.landing.unmerged_captures import unmerged
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import Grain, to_api
from mews_assets_tests.lake.made import NORTH, SOUTH, at, days, write_file


def manifest(capture: str = "capture-1", scopes: tuple[str, ...] = (NORTH,)) -> Manifest:
    source = {"export_id": "e", "request_ids": ["r", None]}
    return Manifest(capture, "order_items", "portfolio", scopes, days(2, 4), at(9, 0.5), source)


def landed(lake: Lake, *contents: bytes) -> Manifest:
    with lake.workspace() as workspace:
        sources = [write_file(workspace / f"{n}.jsonl", content) for n, content in enumerate(contents)]
        return capture_store.land(lake, manifest(), sources, workspace)


def test_the_bytes_are_kept_as_they_came(lake):
    contents = [b'{"Id": "a"}\r\n\n\xff\x00', b"", b'{"Id":"b"}\n' * 300_000]
    found = landed(lake, *contents)
    with lake.workspace() as workspace:
        paths = capture_store.landed_files(lake, found, workspace)
        kept = [zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read() for path in paths]
    assert kept == contents
    assert [file.sha256 for file in found.files] == [hashlib.sha256(one).hexdigest() for one in contents]
    assert [file.size_bytes for file in found.files] == [len(one) for one in contents]


@pytest.mark.parametrize(
    ("content", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"a\r\nb\r\n", 2)]
)
def test_lines_are_counted_whether_the_last_is_ended_or_not(lake, content, lines):
    assert landed(lake, content).lines == lines


def test_a_manifest_is_read_as_it_was_written(lake):
    found = landed(lake, b"a\n")
    assert read_manifest(lake, "order_items", "capture-1") == found
    assert found.source == manifest().source


def test_a_capture_is_pending_until_it_is_settled(lake):
    found = landed(lake, b"a\n")
    assert capture_states.pending(lake, "order_items") == [found]
    capture_states.mark_merged(lake, found)
    assert capture_states.pending(lake, "order_items") == []
    assert capture_store.captures(lake, "order_items") == ["capture-1"]


def test_a_rejected_capture_says_why_and_is_pending_no_more(lake):
    found = landed(lake, b"a\n")
    capture_states.reject(lake, found, "because")
    assert capture_states.pending(lake, "order_items") == []
    assert lake.read_json(layout.rejected_file("order_items", "capture-1"))["problem"] == "because"


def test_what_was_rejected_is_not_among_what_has_landed_since(lake):
    """A run that found it there would ask for nothing, make nothing, and end well."""
    found = landed(lake, b"a\n")
    assert capture_store.captures_since(lake, "order_items", found.captured_at) == [found]
    capture_states.reject(lake, found, "because")
    assert capture_states.rejected(lake, "order_items") == {"capture-1"}
    assert capture_store.captures_since(lake, "order_items", found.captured_at) == []


def test_a_folder_without_a_manifest_is_no_capture(lake):
    lake.write(layout.landed_file("order_items", "unended", 1), b"x")
    lake.write_json(layout.pending_file("order_items", "unended"), {})
    assert capture_store.captures(lake, "order_items") == []
    assert capture_states.pending(lake, "order_items") == []


def test_capture_ids_sort_by_time_and_never_meet(lake):
    now = datetime(2026, 11, 22, 15, tzinfo=UTC)
    many = {new_capture_id(now) for _ in range(200)}
    assert len(many) == 200
    assert max(many) < new_capture_id(now + timedelta(seconds=1))
    there = now.astimezone(timezone(timedelta(hours=9)))
    assert new_capture_id(there).startswith("20261122T150000Z-")


def test_a_manifest_names_the_partitions_it_covers_whole():
    found = manifest(scopes=(NORTH, SOUTH))
    assert found.partitions(Grain.DAILY) == [
        (scope, days(day, day + 1)) for scope in (NORTH, SOUTH) for day in (2, 3)
    ]
    assert found.partitions(Grain.MONTHLY) == []
    assert found.covers(NORTH, days(2, 4))
    assert not found.covers(NORTH, days(3, 5))
    assert not found.covers("other", days(2, 3))


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "a\n", "é", "a b", "x" * 101, "/a", ".hidden"])
def test_no_name_from_outside_leaves_its_folder(name):
    for spell in (
        lambda: layout.capture_folder("t", name),
        lambda: layout.changes_file("t", name, "2026-03-01"),
        lambda: layout.changes_file("t", NORTH, name),
        lambda: layout.boundary_file("t", NORTH, "2026-03-01", name),
        lambda: layout.boundary_folder("t", name),
        lambda: layout.export_file("c", name),
        lambda: layout.export_file(name, "e"),
        lambda: layout.pending_file("t", name),
        lambda: layout.rejected_file("t", name),
    ):
        with pytest.raises(ValueError, match="cannot be a name in the lake"):
            spell()


def test_the_landing_of_a_broken_pull_leaves_no_capture(lake, tmp_path):
    with lake.workspace() as workspace, pytest.raises(FileNotFoundError):
        capture_store.land(lake, manifest(), [Path(workspace / "missing.jsonl")], workspace)
    assert capture_store.captures(lake, "order_items") == []
    assert capture_states.pending(lake, "order_items") == []


EARLIER = {
    "capture": "20260302T000000Z-3f9a1c20",
    "table": "order_items",
    "connection": "portfolio",
    "scopes": [NORTH],
    "captured_at": "2026-03-09T00:00:00Z",
    "source": {"entity": "OrderItem"},
    "files": [
        {"name": "part-00001.jsonl.zst", "lines": 1, "size_bytes": 9, "sha256": "0", "stored_bytes": 5}
    ],
    "format": 1,
    "window": {"start_utc": "2026-03-02T00:00:00Z", "end_utc": "2026-03-03T00:00:00.500000Z"},
}
"""A manifest of before owners, redacted lines and expiry were in it."""


def test_a_manifest_of_an_earlier_version_is_read(lake):
    lake.write_json(layout.manifest("order_items", EARLIER["capture"]), EARLIER)
    manifest = read_manifest(lake, "order_items", EARLIER["capture"])
    assert (manifest.scopes, manifest.lines, manifest.owners, manifest.expired_at) == ((NORTH,), 1, {}, None)
    assert manifest.window.end == datetime(2026, 3, 3, 0, 0, 0, 500_000, tzinfo=UTC)
    write_manifest(lake, manifest)
    assert lake.read_json(layout.manifest("order_items", EARLIER["capture"])) == {
        **EARLIER,
        "owners": {},
        "redacted_lines": 0,
        "expired_at": None,
    }


@pytest.mark.parametrize("field", sorted(EARLIER.keys() - {"format"}))
@pytest.mark.parametrize("broken", [False, True])
def test_a_manifest_without_a_field_is_an_error_and_not_an_empty_capture(lake, field, broken):
    name = layout.manifest("order_items", EARLIER["capture"])
    lake.write_json(
        name, {key: value for key, value in EARLIER.items() if key != field} | ({field: 5} if broken else {})
    )
    with pytest.raises(LakeError, match=f"manifest.json cannot be read .*{field}"):
        read_manifest(lake, "order_items", EARLIER["capture"])
    capture_states.mark_pending(lake, "order_items", EARLIER["capture"])
    assert capture_states.pending(lake, "order_items") == []
    assert unmerged(lake, "order_items")[0].is_set_aside


def test_a_window_that_ends_before_it_starts_is_no_manifest(lake):
    window = {"start_utc": "2026-03-03T00:00:00Z", "end_utc": "2026-03-02T00:00:00Z"}
    lake.write_json(layout.manifest("order_items", EARLIER["capture"]), {**EARLIER, "window": window})
    with pytest.raises(LakeError, match="must end after it starts"):
        read_manifest(lake, "order_items", EARLIER["capture"])


def test_a_state_that_cannot_be_read_is_the_problem_of_its_capture_only(lake):
    for capture in ("one", "two"):
        lake.write(
            layout.pending_file("order_items", capture), b"{" if capture == "one" else b'{"capture": "two"}'
        )
    (waiting,) = unmerged(lake, "order_items")
    assert waiting.capture == "one" and "is not JSON" in waiting.cause


def test_instants_are_stored_in_utc_and_one_without_a_zone_is_refused(lake):
    there = at(9).astimezone(timezone(timedelta(hours=2)))
    write_manifest(lake, replace(manifest(), captured_at=there))
    assert lake.read_json(layout.manifest("order_items", "capture-1"))["captured_at"] == to_api(at(9))
    with pytest.raises(ValueError, match="must have a time zone"):
        write_manifest(lake, replace(manifest(), captured_at=at(9).replace(tzinfo=None)))
