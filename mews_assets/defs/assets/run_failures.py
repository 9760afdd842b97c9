"""The failure of a run over the tables of one request: which partitions failed, why, and whether again may help.

Lives here: the Failure that ends such a run. Not here: the events of what succeeded (`report`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from mews_assets.api import MewsError
from mews_assets.catalog.model import RecordType, Table
from mews_assets.defs.base.metadata_keys import (
    CAUSES,
    FAILED_ASSETS,
    FAILED_PARTITIONS,
    FAILED_PULLS,
    RETRYABLE,
)
from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.ingest.materialise import Materialised
from mews_assets.lake.errors import LakeError
from mews_assets.lake.partition import Partition
from mews_assets.windows import to_api

_SHOWN_FAILURES = 10


def failure(group: tuple[Table, ...], result: Materialised, keys: PartitionKeys) -> dg.Failure:
    """One failure for all partitions that failed. It may be retried only if every cause may pass."""
    causes = [f"{len(partitions)} partitions: {error}" for partitions, error in result.failed]
    failed = sorted({partition for partitions, _ in result.failed for partition in partitions})
    shown = ", ".join(map(keys.text, failed[:_SHOWN_FAILURES]))
    more = f" and {len(failed) - _SHOWN_FAILURES} more" if len(failed) > _SHOWN_FAILURES else ""
    retryable = all(getattr(error, "retryable", False) for _, error in result.failed)
    return dg.Failure(
        f"{group[0].name}: {len(failed)} partitions failed, the others are in place: {shown}{more}. "
        + " ".join(causes),
        metadata={
            FAILED_PARTITIONS: dg.MetadataValue.json([keys.text(partition) for partition in failed]),
            CAUSES: dg.MetadataValue.json(causes),
            FAILED_PULLS: dg.MetadataValue.json(
                [_failed_pull(partitions, error) for partitions, error in result.failed if partitions]
            ),
            RETRYABLE: retryable,
        },
        allow_retries=retryable,
    )


def _failed_pull(partitions: list[Partition], error: Exception) -> dict[str, Any]:
    return {
        "scopes": sorted({partition.scope for partition in partitions}),
        "start_utc": to_api(min(partition.window.start for partition in partitions)),
        "end_utc": to_api(max(partition.window.end for partition in partitions)),
        "cause": str(error),
        RETRYABLE: bool(getattr(error, "retryable", False)),
    }


@contextmanager
def raise_as_dagster_failure(table: RecordType) -> Iterator[None]:
    """Errors that stop a run before it could begin become a Failure that says whether a retry may succeed."""
    try:
        yield
    except (MewsError, LakeError, LookupError, ValueError) as error:
        retryable = bool(getattr(error, "retryable", False))
        raise dg.Failure(
            f"{table.name}: {error}",
            metadata={RETRYABLE: retryable},
            allow_retries=retryable,
        ) from error


def failure_of_assets(failures: Mapping[str, dg.Failure]) -> dg.Failure:
    """One Failure for the assets of a step that failed one by one, by asset."""
    causes = {asset: failure.description or "" for asset, failure in failures.items()}
    retryable = all(failure.metadata[RETRYABLE].value for failure in failures.values())
    return dg.Failure(
        " ".join(causes.values()),
        metadata={RETRYABLE: retryable, FAILED_ASSETS: dg.MetadataValue.json(causes)},
        allow_retries=retryable,
    )
