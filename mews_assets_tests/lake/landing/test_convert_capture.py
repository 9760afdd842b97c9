"""A merge whose landed file is replaced by an erasure while it reads it: the capture is not taken for a damaged one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.erasure.erase_customer import erase_customer
from mews_assets.lake.errors import LakeError
from mews_assets.lake.landing import capture_states, capture_store, manifests, repeat_write
from mews_assets.lake.landing.erasure_list import add_to_erasure_list
from mews_assets.lake.landing.manifests import Manifest
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.bucket import bucket_lake
from mews_assets_tests.lake.made import days, everything, json_line, land
from mews_assets_tests.lake.planted import ANNA, CUSTOMERS, ELSE, NOW, customer


@pytest.fixture
def lake() -> Lake:
    """Where another machine may erase while this one merges."""
    lake = bucket_lake()
    lines = json_line(customer(ANNA, 2)) + json_line(customer(ELSE, 2, FirstName="Petr"))
    land(lake, CUSTOMERS, lines, days(2, 3))
    return lake


def names(lake: Lake) -> list[str | None]:
    (rows,) = everything(lake, CUSTOMERS).values()
    return sorted(rows["first_name"].to_pylist(), key=str)


def test_a_capture_that_an_erasure_replaced_since_its_manifest_was_read_is_merged_all_the_same(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, times = capture_store.landed_files, iter([True])
    monkeypatch.setattr(repeat_write, "_PAUSE_SECONDS", 0.0)

    def landed_files(lake: Lake, manifest: Manifest, workspace: Path) -> list[Path]:
        if next(times, False):  # what an erasure does before it waits for the merge
            add_to_erasure_list(lake, {ANNA}, NOW)
            capture_store.redact(lake, manifest, {ANNA}, workspace)
        return real(lake, manifest, workspace)

    monkeypatch.setattr(capture_store, "landed_files", landed_files)
    done = merge(lake, CUSTOMERS, threads=1)
    assert done.unmerged == {}
    assert names(lake) == [None, "Petr"]
    assert capture_states.captures_in(lake, layout.set_aside_folder("customers")) == []
    assert capture_states.pending(lake, "customers") == []


def test_a_capture_in_the_middle_of_an_erasure_waits_for_the_rest_of_it(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between a file and its manifest."""

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(capture_store, "write_manifest", killed)
        erase_customer(lake, [CUSTOMERS], ANNA, NOW)
    merged = merge(lake, CUSTOMERS, threads=1)
    (problem,) = merged.unmerged.values()
    assert "an erasure is not finished" in str(problem)
    assert not problem.is_set_aside
    assert erase_customer(lake, [CUSTOMERS], ANNA, NOW).is_done
    merge(lake, CUSTOMERS, threads=1)
    assert names(lake) == [None, "Petr"]


def test_a_file_that_nobody_erased_from_is_set_aside_as_before(lake: Lake) -> None:
    (capture,) = capture_states.pending(lake, "customers")
    file = layout.landed_file("customers", capture.capture, 1)
    lake.write(file, b"cut")
    merged = merge(lake, CUSTOMERS, threads=1)
    (problem,) = merged.unmerged.values()
    assert problem.is_set_aside
    assert issubclass(type(problem), LakeError)
    assert manifests.read_manifest(lake, "customers", capture.capture) == capture
