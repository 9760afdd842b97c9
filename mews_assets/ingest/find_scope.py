"""Finding the enterprise or chain that a text names: its key, its id, or a unique part of its name.

Lives here: the one function that commands and run config ask, and the sentences where a text names none or several.
Pure. Not here: which scopes there are (`directory`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from mews_assets.catalog.model import ScopeKind

SHOWN = 8
"""Scopes that a message names."""
_SIMILAR = 0.6
"""Share of equal characters from which on a name counts as mistyped."""


class UnknownScopeError(LookupError):
    """No connection sees the enterprise or chain, or a text names several."""


@dataclass(frozen=True)
class SeenScope:
    """An enterprise or chain that a connection sees."""

    id: str
    key: str
    kind: ScopeKind
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"


def find_scope(text: str, scopes: Sequence[SeenScope], what: str) -> SeenScope:
    """The scope that the text names. `what` says what it should be, such as `enterprise`. Raises UnknownScopeError.

    A key or id counts before a whole name, and that before a part of a name or key; large and small letters are equal.
    """
    wanted = _folded(text)
    if not wanted:
        raise UnknownScopeError(f"the name of the {what} is empty. {_listed('There are', scopes)}")
    for found in (
        [scope for scope in scopes if wanted in (_folded(scope.key), _folded(scope.id))],
        [scope for scope in scopes if wanted == _folded(scope.name)],
        [scope for scope in scopes if wanted in _folded(scope.name) or wanted in _folded(scope.key)],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise UnknownScopeError(
                f"{text!r} names {len(found)} scopes: {_names(found)}. Give more of the name, or the key in brackets"
            )
    raise unknown_scope(text, scopes, what)


def unknown_scope(text: str, scopes: Sequence[SeenScope], what: str) -> UnknownScopeError:
    """The error that no connection sees it, with the scopes whose names are similar; all of them if none is."""
    if not scopes:
        return UnknownScopeError(
            f"no connection sees the {what} {text}; they see no {what} at all. Check the access tokens in Mews"
        )
    near = similar(text, scopes)
    listed = _listed("Similar are", near) if near else _listed("The connections see", scopes)
    return UnknownScopeError(f"no connection sees the {what} {text}. {listed}")


def similar(text: str, scopes: Sequence[SeenScope]) -> list[SeenScope]:
    """The scopes with a similar name, the most similar first."""
    wanted = _folded(text)
    measured = [(_similarity(wanted, scope), scope) for scope in scopes]
    near = [pair for pair in measured if pair[0] >= _SIMILAR]
    return [scope for _, scope in sorted(near, key=lambda pair: -pair[0])]


def _similarity(wanted: str, scope: SeenScope) -> float:
    name = _folded(scope.name)
    if wanted in name or wanted in _folded(scope.key):
        return 1.0
    # One word of a name that was mistyped is enough: people give the place, not the whole name.
    return max(SequenceMatcher(None, wanted, part).ratio() for part in (name, *name.split()))


def _listed(lead: str, scopes: Sequence[SeenScope]) -> str:
    return f"{lead}: {_names(scopes)}"


def _names(scopes: Sequence[SeenScope]) -> str:
    more = f" and {len(scopes) - SHOWN} more" if len(scopes) > SHOWN else ""
    return ", ".join(map(str, scopes[:SHOWN])) + more


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
