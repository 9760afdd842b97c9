"""Scans made by either way, for tests that hold both to the same."""

from __future__ import annotations

from functools import cache

import pytest

from mews_assets.catalog.model import Table
from mews_assets.lake.conversion import scan
from mews_assets.lake.conversion.scan import Scan, compile_scan

WAYS = ("compiled", "expression") if scan.is_compiled() else ("expression",)
"""Without a compiler there is one; test_scan tells when the other is missing for no reason."""


@cache
def scan_by(way: str, table: Table, *unknown: str, long_numbers: bool = False) -> Scan:
    with pytest.MonkeyPatch.context() as patch:
        if way == "expression":
            patch.setattr(scan, "_scan", None)
        return compile_scan(table, unknown=unknown, long_numbers=long_numbers)


def passes(table: Table, line: bytes, *, long_numbers: bool = False) -> bool:
    """Whether a line is good. Both ways must say the same."""
    verdicts = {scan_by(way, table, long_numbers=long_numbers).fits([line])[0] for way in WAYS}
    assert len(verdicts) == 1
    return verdicts.pop()
