"""Unseen partitions: no connection sees their hotel or chain, for a name was typed into the UI or a token withdrawn.

Lives here: the sentence that a run ends with, and finding the scope that a person named in run config. Not here: adding
scopes to the partition sets (`partitions`).
"""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg

from mews_assets.catalog.model import ScopeKind
from mews_assets.defs.base.jobs import ENTERPRISES_JOB
from mews_assets.defs.base.partitions import scopes_in
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import Directory
from mews_assets.ingest.find_scope import UnknownScopeError

HOW_TO_DELETE = "on the page of an asset that has it: the arrow beside Materialize, then Delete partitions"


def unseen(directory: Directory, kind: ScopeKind, scope: str) -> str:
    """That no connection sees the scope, with similar names; empty where one does."""
    try:
        directory.connection_of(kind, scope)
    except UnknownScopeError as error:
        return str(error)
    return ""


def unseen_error(
    directory: Directory, kind: ScopeKind, scope: str, namespace: Namespace
) -> UnknownScopeError | None:
    """Why the partitions of a scope cannot be asked for, and what to do; None where a connection sees it."""
    problem = unseen(directory, kind, scope)
    if not problem:
        return None
    if scope in directory.keys:
        return UnknownScopeError(
            f"{problem}. It was seen before, and its rows stay: check the access tokens in Mews"
        )
    return UnknownScopeError(
        f"{problem}. If it was added by hand, delete the partition {scope} {HOW_TO_DELETE}. If it was connected just "
        f"now, run the job `{namespace.name(ENTERPRISES_JOB)}`"
    )


def scope_finder(
    instance: dg.DagsterInstance, directory: Directory | None, kind: ScopeKind, namespace: Namespace
) -> Callable[[str], str]:
    """A function that gives the id of the scope which a person named by its key, its id or a part of its name."""
    if directory is None:
        return lambda text: text
    known = scopes_in(instance, directory, kind, namespace)

    def find(text: str) -> str:
        if text in known or text in directory.keys:
            return known.get(text, text)
        return directory.find(text, kind).id

    return find
