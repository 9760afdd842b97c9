"""What a landed partition costs at the object store: requests by kind, bounded."""

from __future__ import annotations

import pytest

pytest.importorskip("moto")
from benchmarks.requests import steps

pytestmark = pytest.mark.services

BOUNDS = {
    "merge: new partitions": {"LIST": 0.3, "HEAD": 0.1, "GET": 0.2, "PUT": 1.1},
    "merge: the same partitions, new rows": {"LIST": 0.2, "HEAD": 0.1, "GET": 1.2, "PUT": 1.1},
    "merge: nothing new": {"LIST": 0.2, "HEAD": 0.1, "GET": 1.2, "PUT": 0.1},
    "status: statistics as merges kept them": {"LIST": 0.02, "HEAD": 0, "GET": 0.02, "PUT": 0},
    "check of volumes, of all partitions": {"LIST": 0.1, "HEAD": 0, "GET": 0.02, "PUT": 0},
    "status: statistics lost": {"LIST": 0.02, "HEAD": 0, "GET": 1.1, "PUT": 0.02},
}
"""Per partition, of 100 in one merge: a little more than was measured."""


def test_a_landed_partition_costs_one_put_and_one_get_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "")  # put back at the end
    with steps() as done:
        found = {
            name: {kind: requests[kind] / count for kind in bounds}
            for name, count, requests in done
            if (bounds := BOUNDS.get(name))
        }
    assert set(found) == set(BOUNDS)
    for name, bounds in BOUNDS.items():
        assert all(found[name][kind] <= most for kind, most in bounds.items()), (name, found[name])
