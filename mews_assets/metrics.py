"""Metrics for Prometheus, where PROMETHEUS_MULTIPROC_DIR is set and `prometheus-client` is installed; else nothing.

Lives here: the counters of what processes do: requests, waits for exports, and what landed. Not here: what stands in
the lake and in Dagster, which `mews-assets metrics` reads when it is asked (`defs.production.exporter`).

Runs are short processes: each writes its counts to files of that folder, and the exporter of the machine adds them up.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Prometheus' own variable: an empty folder when the machine starts, shared by its processes."""
REQUESTS = "mews_requests"
REQUEST_SECONDS = "mews_request_seconds"
EXPORT_WAIT = "mews_export_wait_seconds"
LANDED_BYTES = "mews_landed_bytes"
MERGED_ROWS = "mews_merged_rows"
_WAITS = (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)


@lru_cache(maxsize=1)
def _counters() -> dict[str, Any]:
    """The counters by name; empty where there is nobody to read them."""
    if not os.environ.get(FOLDER, "").strip():
        return {}
    try:
        from prometheus_client import Counter, Histogram
    except ImportError:
        return {}
    return {
        REQUESTS: Counter(
            REQUESTS, "Requests to Mews, by status; 0 where none came.", ["operation", "status"]
        ),
        REQUEST_SECONDS: Histogram(REQUEST_SECONDS, "Seconds until Mews has answered.", ["operation"]),
        EXPORT_WAIT: Histogram(
            EXPORT_WAIT, "Seconds from asking for an export to its files.", ["table"], buckets=_WAITS
        ),
        LANDED_BYTES: Counter(LANDED_BYTES, "Bytes of records as Mews sent them.", ["table"]),
        MERGED_ROWS: Counter(MERGED_ROWS, "Rows of the partitions that were written.", ["table"]),
    }


def count_request(operation: str, status: int, seconds: float) -> None:
    """One request, its answer's status, and how long it took."""
    if counters := _counters():
        counters[REQUESTS].labels(operation, str(status)).inc()
        counters[REQUEST_SECONDS].labels(operation).observe(seconds)


def count_export_wait(table: str, seconds: float) -> None:
    """An export that is ready, and how long it took from the request for it."""
    if counters := _counters():
        counters[EXPORT_WAIT].labels(table).observe(max(0.0, seconds))


def count_landed(table: str, size_bytes: int) -> None:
    """A capture that landed."""
    if counters := _counters():
        counters[LANDED_BYTES].labels(table).inc(size_bytes)


def count_merged(table: str, rows: int) -> None:
    """Partitions that were written."""
    if counters := _counters():
        counters[MERGED_ROWS].labels(table).inc(rows)
