"""Captures that could not be merged, as Dagster and its alerts tell of them, until they are merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.cli import main
from mews_assets.defs.base.metadata_keys import RETRYABLE
from mews_assets.defs.checks.unmerged import CAPTURES_MERGED
from mews_assets.lake.changes import merge_pass
from mews_assets.lake.landing import capture_store
from mews_assets.lake.landing.unmerged_captures import MAX_TRIES, unmerged
from mews_assets.lake.storage import layout
from mews_assets_tests.defs.runs import rebuild
from mews_assets_tests.defs.stage import DAYS, Stage, evaluations, failure_of, materialisations
from mews_assets_tests.defs.watch import Watch

CHANGES = dg.AssetKey(["changes", "payments"])
TABLE = catalog.table("payments")


def too_large(patch: pytest.MonkeyPatch, scope: str) -> None:
    """Let memory not suffice for whatever captures of a hotel are merged."""
    real = merge_pass.assign_partitions

    def deal(engine: Any, table: Any, staged: list[Any], places: Any) -> None:
        if any(scope in one.manifest.scopes for one in staged):
            raise MemoryError
        real(engine, table, staged, places)

    patch.setattr(merge_pass, "assign_partitions", deal)


def verdict(result: dg.ExecuteInProcessResult) -> bool:
    return evaluations(result, CHANGES)[CAPTURES_MERGED, None]


def run(stage: Stage, scope: str, day: str) -> dg.ExecuteInProcessResult:
    return stage.run("payments", [stage.key(scope, day)])


@pytest.mark.slow
def test_a_capture_that_cannot_be_merged_is_told_by_a_check_and_stops_no_other_hotel(stage: Stage) -> None:
    north, south = stage.enterprises
    with pytest.MonkeyPatch.context() as patch:
        too_large(patch, north)
        result = run(stage, north, DAYS[0])
        assert not result.success
        assert not verdict(result)
        told = failure_of(result).user_failure_data
        assert told.metadata[RETRYABLE].value is True
        assert "MEWS_MEMORY" in told.description
        for number in range(2, MAX_TRIES + 1):
            other = run(stage, south, DAYS[number % 2])
            assert other.success
            assert not verdict(other)
            assert list(materialisations(other, CHANGES)) == [stage.key(south, DAYS[number % 2])]
        (one,) = unmerged(stage.lake, "payments")
        assert (one.scopes, one.is_set_aside) == ((north,), True)
        # It is asked for again where a person wants it, and then as large as before.
        again = run(stage, north, DAYS[0])
        assert len(capture_store.captures(stage.lake, "payments")) == 4
        assert not again.success
    after = run(stage, north, DAYS[0])
    assert after.success
    assert not verdict(after)  # the first capture is still aside: it may hold what Mews no longer sent
    assert main(["retry", "payments", "--scope", stage.key(south)]) == 0
    assert unmerged(stage.lake, "payments") == [one], "it holds no rows of that hotel"
    assert main(["retry", "payments", "--scope", stage.directory.enterprises[north].name]) == 0
    assert unmerged(stage.lake, "payments") == []
    assert verdict(run(stage, south, DAYS[0]))


@pytest.mark.slow
def test_an_alert_comes_when_a_capture_is_left_and_one_more_when_it_is_merged(watch: Watch) -> None:
    stage = watch.stage
    assert stage.run("enterprises").success
    north, south = stage.enterprises
    with pytest.MonkeyPatch.context() as patch:
        too_large(patch, north)
        assert not run(stage, north, "2025-01-08").success
    watch.tick()
    assert f"FAILED payments: {CAPTURES_MERGED} fails" in watch.titles()
    assert run(stage, south, "2025-01-08").success
    watch.tick()
    assert f"RESOLVED payments: {CAPTURES_MERGED} passes again" in watch.titles()


@pytest.mark.slow
def test_a_landed_file_that_was_changed_is_no_drift_of_mews_schema(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    north, _ = stage.enterprises
    assert stage.run("enterprises").success
    assert stage.run("payments", stage.keys()).success
    (capture,) = capture_store.captures(stage.lake, "payments")
    path = Path(stage.lake.path(layout.landed_file("payments", capture, 1)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    rebuilt = rebuild(stage, "payments")
    assert not rebuilt.success
    description = failure_of(rebuilt).user_failure_data.description
    for word in (capture, "changed or cut on disk"):
        assert word in description
    assert "report it to Mews" not in description
    assert not [name for (name, _), passed in evaluations(rebuilt, CHANGES).items() if not passed]
    # Of one that is not merged yet it is the check that tells, and the file can be put back.
    stage.lake.write_json(layout.pending_file("payments", capture), {"capture": capture})
    result = run(stage, north, DAYS[1])
    assert result.success
    assert not verdict(result)
    assert main(["retry"]) == 1
    assert capture in capsys.readouterr().out
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert f"capture {capture}" in said
    assert "mews-assets retry payments" in said or "tried again with the next run" in said
    path.write_bytes(whole)
    assert main(["retry"]) == 0
    assert verdict(run(stage, north, DAYS[1]))
