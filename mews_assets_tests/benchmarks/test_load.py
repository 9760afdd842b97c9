"""The load run ends badly when memory, backlog or rate does, and a small one ends well."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.load import Finding, Hour, findings
from mews_assets_tests import ROOT

QUIET = Hour(
    late=30, latest="payments", requests=900, most=40, token="portfolio", in_flight=1, queued=0, rss_mb=600
)
HOTELS = 200


def met(hours: Sequence[Hour]) -> list[bool]:
    return [one.met for one in findings(hours, HOTELS)]


def test_a_day_that_goes_on_as_it_began_is_fine() -> None:
    assert met([QUIET] * 24) == [True, True, True]


def test_warming_up_is_no_growth() -> None:
    cold = [replace(QUIET, rss_mb=100.0 * hour) for hour in range(1, 6)]
    assert met([*cold, *[QUIET] * 19]) == [True, True, True]


def test_memory_that_grows_by_a_little_every_hour_is_not_flat() -> None:
    assert met([replace(QUIET, rss_mb=600 + 3.0 * hour) for hour in range(24)]) == [False, True, True]


def test_a_backlog_that_grows_by_a_few_hotels_every_hour_is_not_bounded() -> None:
    assert met([replace(QUIET, late=10 * hour) for hour in range(24)]) == [True, False, True]


def test_a_backlog_that_was_worked_off_is_bounded() -> None:
    storm = [replace(QUIET, late=900)] * 3
    assert met([*[QUIET] * 12, *storm, *[QUIET] * 9]) == [True, True, True]


def test_one_moment_of_too_many_requests_is_too_many() -> None:
    assert met([*[QUIET] * 20, replace(QUIET, most=201), *[QUIET] * 3]) == [True, True, False]


def test_a_finding_says_its_numbers() -> None:
    assert findings([QUIET] * 24, HOTELS)[2] == Finding(
        True, "rate within the limit: at most 40 of 200 requests in any 30 s and token"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "code"),
    [([], 0), (["--hours", "8", "--export-seconds", "3500"], 1)],
    ids=["exports in time", "exports that take an hour"],
)
def test_a_small_house_keeps_up_with_its_hotels_unless_mews_is_too_slow(more: list[str], code: int) -> None:
    """An export an hour, where each of nine hotels needs one of its own, is too few."""
    small = [
        "--hotels",
        "10",
        "--hours",
        "2",
        "--tables",
        "availability_adjustments",
        "--poll-seconds",
        "300",
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *small, *more],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    last = ran.stdout.splitlines()[-1]
    assert (ran.returncode, "NOT backlog bounded" in last) == (code, bool(code)), (
        ran.stdout + ran.stderr[-3000:]
    )
    assert "none missing, none twice" in last
