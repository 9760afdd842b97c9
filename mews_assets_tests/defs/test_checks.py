"""Checks: what each says of a partition that is right, and of one that is wrong in its own way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from mews_assets.defs.checks import CHECKS, Verdict
from mews_assets.lake.dealing import Partition
from mews_assets.lake.landing import LandedFile, Manifest
from mews_assets.lake.lines import Findings
from mews_assets.lake.measures import Measures
from mews_assets.lake.merged import MergedCapture, MergedPartition
from mews_assets.windows import Window

DAY = Window(datetime(2025, 3, 8, tzinfo=UTC), datetime(2025, 3, 9, tzinfo=UTC))
GOOD = MergedPartition(Partition("hotel", DAY), "rows.parquet", 8, 4, Measures(10, 100, 0, 0, {}, DAY.start))
MANIFEST = Manifest(
    "c1", "payments", "default", ("hotel",), DAY, DAY.end, {}, (LandedFile("part", 10, 99, "", 9),)
)
CAPTURE = MergedCapture(MANIFEST, Findings(), dealt=8, boundary=2, unexplained=0)
JUDGES = {check.name: check.judge for check in CHECKS}


def measured(**changes: object) -> MergedPartition:
    return replace(GOOD, measures=replace(GOOD.measures, **changes))  # type: ignore[arg-type]


def judged(name: str, partition: MergedPartition = GOOD, capture: MergedCapture = CAPTURE) -> Verdict:
    return JUDGES[name](partition, [capture])


def test_there_are_four_checks_and_each_says_why_it_is_as_grave_as_it_is() -> None:
    assert list(JUDGES) == ["key_unique", "required_present", "rows_in_window", "rows_reconciled"]
    for check in CHECKS:
        assert check.severity is dg.AssetCheckSeverity.ERROR
        assert "ERROR:" in check.description


@pytest.mark.parametrize("name", JUDGES)
def test_a_good_partition_passes(name: str) -> None:
    assert judged(name).passed


@pytest.mark.parametrize(
    ("name", "partition", "told"),
    [
        ("key_unique", measured(duplicate_keys=2), {"duplicate_keys": 2}),
        ("required_present", measured(missing={"currency": 3}), {"missing": {"currency": 3}}),
        ("rows_in_window", measured(rows_outside_window=1), {"rows_outside_window": 1}),
        ("rows_reconciled", measured(rows=13), {"repeats": -1}),
    ],
)
def test_a_wrong_partition_fails_its_check_and_no_other(
    name: str, partition: MergedPartition, told: dict[str, object]
) -> None:
    failed = {one: judged(one, partition) for one in JUDGES if not judged(one, partition).passed}
    assert list(failed) == [name]
    assert told.items() <= failed[name].metadata.items()


@pytest.mark.parametrize(
    "capture",
    [replace(CAPTURE, dealt=7), replace(CAPTURE, boundary=3), replace(CAPTURE, dealt=0, boundary=0)],
)
def test_a_line_that_went_nowhere_fails_the_partition(capture: MergedCapture) -> None:
    verdict = judged("rows_reconciled", capture=capture)
    assert not verdict.passed
    assert verdict.metadata["lines_unexplained"]


def test_a_blank_line_is_no_row_lost() -> None:
    blank = replace(CAPTURE, dealt=7, findings=Findings(blank_lines=1))
    assert judged("rows_reconciled", capture=blank).passed


def test_a_line_lost_in_another_hotels_capture_is_not_this_partitions_fault() -> None:
    other = replace(CAPTURE, manifest=replace(MANIFEST, scopes=("elsewhere",)), dealt=0)
    assert judged("rows_reconciled", capture=other).passed
