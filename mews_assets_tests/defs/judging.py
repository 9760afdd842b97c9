"""Runs that judge: what a check of `payments` says, logged as runs of tables log it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg

PAYMENTS = dg.AssetKey(["changes", "payments"])


def evaluate(
    instance: dg.DagsterInstance,
    verdicts: Iterable[tuple[str | None, bool]],
    *,
    check: str = "key_unique",
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    metadata: dict[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """A real run that logs verdicts as runs of tables do."""

    @dg.op
    def judge(context) -> None:  # type: ignore[no-untyped-def]  # Dagster reads annotations
        for number, (partition, passed) in enumerate(verdicts):
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=PAYMENTS,
                    check_name=check,
                    passed=passed,
                    severity=severity,
                    partition=partition,
                    metadata=metadata if metadata is not None else {"rows": 812, "duplicate_keys": number},
                )
            )

    @dg.job
    def judging() -> None:
        judge()

    return judging.execute_in_process(instance=instance)
