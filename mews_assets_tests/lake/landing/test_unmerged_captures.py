"""Captures that cannot be merged, through no fault of a record: each keeps its cause, and none stops the others."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mews_assets.lake.changes import convert_captures, merge_pass, partition_writer
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.conversion import write_masked
from mews_assets.lake.current import snapshot
from mews_assets.lake.current.update import update_current
from mews_assets.lake.errors import DamagedError, LakeError, PassingError
from mews_assets.lake.landing import capture_states, capture_store, convert_capture
from mews_assets.lake.landing.manifests import Manifest, read_manifest
from mews_assets.lake.landing.unmerged_captures import MAX_TRIES, UnmergedError, try_again, unmerged
from mews_assets.lake.maintenance.change_policy import change_policy
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.machine_errors import is_of_machine
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, SOUTH, at, days, ids, item, land, march

pytestmark = pytest.mark.slow

NAME = ORDER_ITEMS.name
STEPS: dict[str, tuple[Any, str]] = {
    "reading what landed": (convert_capture.capture_store, "landed_files"),
    "converting": (write_masked, "open_writer"),
    "assigning partitions": (merge_pass, "assign_partitions"),
    "writing partitions": (partition_writer, "open_writer"),
    "measuring": (merge_pass, "measure"),
    "putting in place": (Lake, "put"),
    "settling": (capture_states, "mark_merged"),
}
MACHINE: dict[str, Callable[[], Exception]] = {
    "disk full": lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "input/output error": lambda: OSError(errno.EIO, os.strerror(errno.EIO)),
    "permission denied": lambda: PermissionError(errno.EACCES, os.strerror(errno.EACCES)),
    "too many open files": lambda: OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "stale network file": lambda: OSError(errno.ESTALE, os.strerror(errno.ESTALE)),
    "file not found": lambda: FileNotFoundError(
        errno.ENOENT, os.strerror(errno.ENOENT), "part-00001.jsonl.zst"
    ),
    "a bucket out of reach": lambda: OSError(
        "When reading information for key 'x': AWS Error NETWORK_CONNECTION"
    ),
    "the engine's own": lambda: duckdb.IOException("IO Error: Could not read from file"),
}


def two(lake: Lake) -> tuple[Manifest, Manifest]:
    """A capture of each of two hotels."""
    one = land(lake, ORDER_ITEMS, [item("a", at(2))], days(2, 3))
    return one, land(lake, ORDER_ITEMS, [item("b", at(2), SOUTH)], days(2, 3), scopes=(SOUTH,))


def fail(patch: pytest.MonkeyPatch, step: str, error: Exception) -> None:
    owner, name = STEPS[step]

    def broken(*_: object, **__: object) -> None:
        raise error

    patch.setattr(owner, name, broken)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("problem", MACHINE)
def test_an_error_of_the_machine_rejects_nothing_and_the_next_merge_takes_all(
    lake: Lake, step: str, problem: str
) -> None:
    two(lake)
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, step, MACHINE[problem]())
        for _ in range(MAX_TRIES + 1):  # however often
            try:
                found = merge(lake, ORDER_ITEMS, threads=1)
            except PassingError as error:
                assert error.retryable
            else:
                assert len(found.unmerged) == 2
                assert not found.rejected
                assert all(one.retryable for one in found.unmerged.values())
    assert len(capture_states.pending(lake, NAME)) == 2
    assert capture_states.without_rows(lake, NAME) == set()
    assert not merge(lake, ORDER_ITEMS, threads=1).unmerged
    assert (ids(lake, ORDER_ITEMS, NORTH, march(2)), ids(lake, ORDER_ITEMS, SOUTH, march(2))) == (
        ["a"],
        ["b"],
    )
    assert unmerged(lake, NAME) == []


def of_one(patch: pytest.MonkeyPatch, capture: str, error: Exception, where: str) -> None:
    """Let the work on one capture fail, and that on the others go on."""
    owner = convert_captures if where == "convert_capture" else merge_pass
    real = getattr(owner, where)

    def broken(*arguments: Any, **more: Any) -> Any:
        told = arguments[2] if where != "convert_capture" else [arguments[2]]
        if any(getattr(one, "manifest", one).capture == capture for one in told):
            raise error
        return real(*arguments, **more)

    patch.setattr(owner, where, broken)


@pytest.mark.slow_after_first
@pytest.mark.parametrize("where", ["convert_capture", "assign_partitions"])
@pytest.mark.parametrize(
    "error",
    [MemoryError(), duckdb.OutOfMemoryException("Out of Memory Error: x"), RuntimeError("Anna Secret")],
    ids=repr,
)
def test_a_capture_that_ends_merges_is_set_aside_after_some_tries_and_the_others_go_on(
    lake: Lake,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
    error: Exception,
) -> None:
    bad, _ = two(lake)
    with pytest.MonkeyPatch.context() as patch:
        of_one(patch, bad.capture, error, where)
        for number in range(1, MAX_TRIES + 1):
            land(lake, ORDER_ITEMS, [item(f"{number}", at(3), SOUTH)], days(3, 4), scopes=(SOUTH,))
            found = merge(lake, ORDER_ITEMS, threads=1)
            assert list(found.unmerged) == [bad.capture]
            assert found.unmerged[bad.capture].retryable is (number < MAX_TRIES)
            assert f"{number}" in ids(lake, ORDER_ITEMS, SOUTH, march(3))
        assert not merge(lake, ORDER_ITEMS, threads=1).unmerged  # it is not taken along any more
    assert ids(lake, ORDER_ITEMS, SOUTH, march(2)) == ["b"]
    ((one),) = unmerged(lake, NAME)
    assert (one.capture, one.tries, one.is_set_aside, one.scopes) == (bad.capture, MAX_TRIES, True, (NORTH,))
    assert "Anna" not in f"{one.cause} {found.unmerged[bad.capture]} {caplog.text}"
    assert "mews-assets retry order_items" in str(found.unmerged[bad.capture])
    assert try_again(lake, NAME) == [bad.capture]
    merge(lake, ORDER_ITEMS, threads=1)
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a"]
    assert unmerged(lake, NAME) == []


def test_what_is_set_aside_can_be_merged_by_name_and_is_then_no_longer_set_aside(lake: Lake) -> None:
    bad, _ = two(lake)
    with pytest.MonkeyPatch.context() as patch:
        of_one(patch, bad.capture, MemoryError(), "assign_partitions")
        for _ in range(MAX_TRIES):
            merge(lake, ORDER_ITEMS, threads=1)
    assert capture_store.captures_since(lake, NAME, at(1))[0].capture != bad.capture  # a run asks Mews again
    assert not merge(lake, ORDER_ITEMS, [bad], threads=1).unmerged
    assert unmerged(lake, NAME) == []


def test_a_capture_that_is_in_the_table_is_not_set_aside_when_it_is_merged_again(lake: Lake) -> None:
    one, _ = two(lake)
    merge(lake, ORDER_ITEMS, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        of_one(patch, one.capture, MemoryError(), "assign_partitions")
        for _ in range(MAX_TRIES + 1):
            assert one.capture in merge(lake, ORDER_ITEMS, [one], threads=1).unmerged
    assert unmerged(lake, NAME) == []


@pytest.mark.parametrize("how", ["cut", "another record", "a line less", "emptied", "no archive"])
def test_a_landed_file_that_is_not_what_landed_is_told_with_its_capture(lake: Lake, how: str) -> None:
    records = [item(f"{number}", at(2, number / 10)) for number in range(100)]
    bad = land(lake, ORDER_ITEMS, records, days(2, 3))
    other = land(lake, ORDER_ITEMS, [item("b", at(2), SOUTH)], days(2, 3), scopes=(SOUTH,))
    path = Path(lake.path(layout.landed_file(NAME, bad.capture, 1)))
    whole = path.read_bytes()
    if how in ("cut", "emptied", "no archive"):
        path.write_bytes({"cut": whole[:-20], "emptied": b"", "no archive": b"x" * 500}[how])
    else:
        changed = records[:-1] + ([item("99", at(2), Notes="other")] if how == "another record" else [])
        from_other = land(lake, ORDER_ITEMS, changed, days(5, 6))
        path.write_bytes(Path(lake.path(layout.landed_file(NAME, from_other.capture, 1))).read_bytes())
    found = merge(lake, ORDER_ITEMS, threads=1)
    assert not found.rejected
    problem = found.unmerged[bad.capture]
    assert problem.is_set_aside  # at once: it would be no other file the next time
    for word in (bad.capture, "part-00001.jsonl.zst", "changed or cut on disk", "100 lines"):
        assert word in str(problem)
    assert "report it to Mews" not in str(problem)
    assert other.capture in found.captures
    path.write_bytes(whole)
    try_again(lake, NAME)
    assert not merge(lake, ORDER_ITEMS, threads=1).unmerged
    assert len(ids(lake, ORDER_ITEMS, NORTH, march(2))) == 100


def test_people_are_not_taken_out_of_a_file_that_was_cut(lake: Lake, tmp_path: Path) -> None:
    """Its manifest would say that the rest is all that landed."""
    bad = land(lake, ORDER_ITEMS, [item("a", at(2)), item("b", at(2))], days(2, 3))
    shorter = land(lake, ORDER_ITEMS, [item("a", at(2))], days(3, 4))
    path = Path(lake.path(layout.landed_file(NAME, bad.capture, 1)))
    whole = path.read_bytes()
    for content in (Path(lake.path(layout.landed_file(NAME, shorter.capture, 1))).read_bytes(), whole[:-9]):
        path.write_bytes(content)
        with lake.workspace() as workspace, pytest.raises(DamagedError, match=bad.capture):
            capture_store.redact(lake, bad, {"0" * 36}, workspace)
        assert read_manifest(lake, NAME, bad.capture) == bad


def test_a_manifest_that_cannot_be_read_stops_no_other_capture(lake: Lake) -> None:
    bad, other = two(lake)
    Path(lake.path(layout.manifest(NAME, bad.capture))).write_bytes(b'{"capture":')
    assert list(merge(lake, ORDER_ITEMS, threads=1).captures) == [other.capture]
    (one,) = unmerged(lake, NAME)
    assert (one.capture, one.is_set_aside) == (bad.capture, True)
    assert "manifest" in one.cause


def test_tables_made_anew_are_not_made_of_what_could_be_read_alone(lake: Lake) -> None:
    one, other = two(lake)
    merge(lake, ORDER_ITEMS, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        of_one(patch, one.capture, OSError(errno.EIO, "x"), "convert_capture")
        with pytest.raises(UnmergedError):
            merge(lake, ORDER_ITEMS, [one, other], threads=1, from_scratch=True)
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a"]


def test_a_snapshot_that_cannot_be_taken_in_is_left_like_any_other_capture(lake: Lake) -> None:
    shown = layout.snapshot_landing(NAME)

    def show(*names: str) -> Manifest:
        manifest = land(lake, ORDER_ITEMS, [item(name, at(1)) for name in names], days(1, 2))
        capture_states.mark_merged(lake, manifest)
        again = Manifest(
            manifest.capture, shown, "portfolio", (NORTH,), manifest.window, manifest.captured_at
        )
        with lake.workspace() as workspace:
            source = workspace / "x.jsonl"
            source.write_bytes(
                b"".join(
                    b'{"Id":"%s","EnterpriseId":"%s"}\n' % (one.encode(), NORTH.encode()) for one in names
                )
            )
            return capture_store.land(lake, again, [source], workspace)

    bad = show("a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "latest_rows", lambda *_: (_ for _ in ()).throw(MemoryError()))
        for number in range(1, MAX_TRIES + 1):
            with pytest.raises(UnmergedError) as raised:
                snapshot.merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1)
            assert raised.value.is_set_aside is (number == MAX_TRIES)
    assert [one.capture for one in unmerged(lake, shown)] == [bad.capture]
    show("b")
    assert snapshot.merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1).rows == 1
    try_again(lake, shown)
    assert snapshot.merge_snapshots(lake, ORDER_ITEMS, NORTH, threads=1).rows == 2


def test_a_current_table_that_could_not_be_written_says_the_cause_and_stands_as_it_was(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    two(lake)
    merge(lake, ORDER_ITEMS, threads=1)
    for problem in (MemoryError(), OSError(errno.ENOSPC, "x")):
        with monkeypatch.context() as patch:
            patch.setattr(Lake, "pin", lambda *_, problem=problem: (_ for _ in ()).throw(problem))
            with pytest.raises(PassingError, match=NORTH):
                update_current(lake, ORDER_ITEMS, NORTH, threads=1)
    assert update_current(lake, ORDER_ITEMS, NORTH, threads=1).rows == 1


_WITH_SMALL_FILES = """
import resource, sys
from mews_assets.lake.changes.merge import merge
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.made import ORDER_ITEMS
kind, limit = getattr(resource, sys.argv[2]), int(sys.argv[3])
lake = open_lake(sys.argv[1], Grain.DAILY)
merge(lake, ORDER_ITEMS, threads=1)  # imports, and an engine at hand
resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
try:
    for problem in merge(lake, ORDER_ITEMS, threads=1).unmerged.values():
        print(problem)
except Exception as error:
    print(error)
"""


def test_a_file_that_the_machine_does_not_let_grow_is_no_fault_of_the_capture(lake: Lake) -> None:
    text = os.urandom(100_000).hex()
    bad = land(lake, ORDER_ITEMS, [item(f"{n}", at(2), Notes=text[n:]) for n in range(20)], days(2, 3))
    pending = layout.pending_file(NAME, bad.capture)
    aside = lake.read(pending)
    lake.delete(pending)
    script = _WITH_SMALL_FILES.replace(
        "resource.setrlimit", f"lake.write({pending!r}, {aside!r}); resource.setrlimit"
    )
    command = [sys.executable, "-c", script, str(lake.local_root), "RLIMIT_FSIZE", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "File too large" in done.stdout
    assert capture_states.rejected(lake, NAME) == set()
    assert len(ids(merge(lake, ORDER_ITEMS, threads=1) and lake, ORDER_ITEMS, NORTH, march(2))) == 20


def test_what_is_of_the_machine_is_told_from_what_was_read() -> None:
    assert all(is_of_machine(make()) for make in MACHINE.values())
    for error in (
        OSError("Invalid Input Error: Malformed JSON in file"),
        duckdb.InvalidInputException("Invalid Input Error: x"),
        ValueError("x"),
        LakeError("x"),
    ):
        assert not is_of_machine(error)


def test_a_policy_is_not_brought_in_while_a_capture_cannot_be_read(lake: Lake) -> None:
    from mews_assets.catalog.privacy import Pii, Privacy

    one, _ = two(lake)
    merge(lake, ORDER_ITEMS, threads=1)
    change_policy(lake, [ORDER_ITEMS], Privacy(Pii.DROP))
    with pytest.MonkeyPatch.context() as patch:
        of_one(patch, one.capture, OSError(errno.EIO, "x"), "convert_capture")
        with pytest.raises(LakeError, match=one.capture):
            change_policy(lake, [ORDER_ITEMS], Privacy(Pii.KEEP))
    assert ids(lake, ORDER_ITEMS, NORTH, march(2)) == ["a"]
    change_policy(lake, [ORDER_ITEMS], Privacy(Pii.KEEP))
