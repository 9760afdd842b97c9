"""Run tags: which hotels and days a run is about, so that lists of runs can be read and filtered.

Lives here: the tags, for runs that sensors request and for runs that tag themselves at their start, as those of a
backfill. Not here: the tags by which the code finds its runs again (`metadata_keys`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from mews_assets.catalog.model import ScopeKind
from mews_assets.ingest.directory import Directory
from mews_assets.windows import Window

NAMES_TAG = {ScopeKind.ENTERPRISE: "mews/hotels", ScopeKind.CHAIN: "mews/chains"}
FIRST_DAY_TAG, LAST_DAY_TAG = "mews/first_day", "mews/last_day"
SHOWN = 5
"""Hotels named in a tag; of the others it has the number."""


def scope_tags(directory: Directory, kind: ScopeKind, scopes: Iterable[str]) -> dict[str, str]:
    """The tag that names the scopes of a run, by their ids."""
    names = sorted(directory.name_of(kind, scope) for scope in set(scopes))
    if not names:
        return {}
    more = [f"+{len(names) - SHOWN}"] if len(names) > SHOWN else []
    return {NAMES_TAG[kind]: ", ".join([*names[:SHOWN], *more])}


def window_tags(windows: Iterable[Window]) -> dict[str, str]:
    """The tags of the first and last day of a run, in UTC."""
    every = list(windows)
    if not every:
        return {}
    last = max(window.end for window in every) - timedelta(microseconds=1)
    return {
        FIRST_DAY_TAG: min(window.start for window in every).date().isoformat(),
        LAST_DAY_TAG: last.date().isoformat(),
    }


def tag_run(context: dg.AssetExecutionContext, tags: dict[str, str]) -> None:
    """Add the tags to the run that is going, unless who launched it did."""
    if new := {name: value for name, value in tags.items() if name not in context.run.tags}:
        context.instance.add_run_tags(context.run.run_id, new)
