"""Checks of tables that have a partition for each scope: their specs, and what a run tells of them.

Lives here: the machinery. Not here: the checks themselves, which stand beside the assets they are of.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import dagster as dg


class HasScope(Protocol):
    """What a run did for one scope."""

    @property
    def scope(self) -> str: ...


_T = TypeVar("_T", bound=HasScope)


@dataclass(frozen=True)
class ScopeCheck(Generic[_T]):
    """A check that all tables of a layer have. The description says why the severity is what it is."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity
    judge: Callable[[_T], tuple[bool, Mapping[str, Any]]]


def scope_check_specs(
    checks: Iterable[ScopeCheck[_T]], key: dg.AssetKey, partitions: dg.PartitionsDefinition[Any]
) -> list[dg.AssetCheckSpec]:
    """What Dagster is told of the checks of one asset."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(check.name, asset=key, description=check.description, partitions_def=partitions)
            for check in checks
        ]


def check_results(
    context: dg.AssetExecutionContext, key: dg.AssetKey, checks: Iterable[ScopeCheck[_T]], done: list[_T]
) -> Iterator[dg.AssetCheckResult]:
    """The verdicts on every scope, and of each check last the summary, which the asset's page shows."""
    for check in checks:
        yield _judged(context, key, check, done)


def _judged(
    context: dg.AssetExecutionContext, key: dg.AssetKey, check: ScopeCheck[_T], done: list[_T]
) -> dg.AssetCheckResult:
    # Dagster files a result under the partition of the run's tags: there it must be that one's verdict.
    own = context.partition_key if context.has_partition_key else None
    failed: list[str] = []
    result = None
    for one in done:
        passed, metadata = check.judge(one)
        if not passed:
            failed.append(one.scope)
        if one.scope == own:
            result = _result(key, check, passed, metadata)
            continue
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=check.name,
                passed=passed,
                severity=check.severity,
                partition=one.scope,
                metadata=dict(metadata),
            )
        )
    summary = {"partitions": len(done), "failed_partitions": dg.MetadataValue.json(failed)}
    return result or _result(key, check, not failed, summary)


def _result(
    key: dg.AssetKey, check: ScopeCheck[_T], passed: bool, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed, check_name=check.name, asset_key=key, severity=check.severity, metadata=metadata
    )
