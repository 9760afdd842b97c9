"""Checks of assets that have a partition for each scope (current tables, snapshots): their specs and events.

Lives here: the machinery. Not here: the checks themselves, which stand beside the assets they are of.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import dagster as dg

from mews_assets.defs.base.partitions import PartitionKeys
from mews_assets.defs.checks.model import Verdict
from mews_assets.defs.checks.stored_verdicts import StoredVerdicts, newest_materialisations


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


def scope_check_specs(checks: Iterable[ScopeCheck[_T]], key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The specs of the checks of one asset. Without partitions, for a scope that passes has no event of its own."""
    return [dg.AssetCheckSpec(check.name, asset=key, description=check.description) for check in checks]


def require_assets(context: dg.AssetExecutionContext) -> None:
    """Refuse a run of checks alone. Raises Failure: they are evaluated by the run that writes the rows."""
    if not context.selected_asset_keys:
        raise dg.Failure(
            "checks are evaluated where rows are written: materialise the asset, with its checks",
            allow_retries=False,
        )


def scope_check_events(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    checks: Iterable[ScopeCheck[_T]],
    results: list[_T],
    names: Mapping[str, str],
    keys: PartitionKeys,
) -> Iterator[dg.AssetCheckEvaluation]:
    """The events to store for the scopes of a run; after their materialisations. `names` are by scope."""
    instance, texts = context.instance, {keys.join(result.scope) for result in results}
    about = newest_materialisations(instance, key, texts, context.run.run_id, time.time())

    def describe(text: str) -> dict[str, str]:
        return {"scope": names.get(keys.split(text)[0], text)}

    stored = StoredVerdicts(instance, key, describe, about, keys)
    for check in checks:
        verdicts = {keys.join(result.scope): Verdict(*check.judge(result)) for result in results}
        yield from stored.events(check.name, check.severity, verdicts)
