"""Scope keys: the short names by which partition keys name enterprises and chains, as `the-lantern-prague-52fd68fc`.

Lives here: making a key, and turning keys into ids and back, over the keys that the directory keeps. A key is made
once, of the name when the scope was first seen and the first digits of its id, and never changes: partitions bear it.
Not here: keeping the keys (`directory`), the whole key of a partition (`defs.base.partitions`), and what people type
(`find_scope`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from slugify import slugify

from mews_assets.catalog.model import ScopeKind

DIGITS = 8
"""Of the id, at least; more where two keys would be equal."""
LONGEST_SLUG = 40
"""Characters of the name's part, cut between words where the first word is not longer."""


@dataclass(frozen=True)
class NamedScope:
    """An enterprise or a chain with its name; the name is empty where nobody knows it."""

    id: str
    kind: ScopeKind
    name: str


@dataclass(frozen=True)
class ScopeKeys:
    """The keys of scopes, by id. Those of `by_id` go by their id still, in a Dagster home that knows them so.

    A scope without a key goes by its id, and a text that is no key is taken for an id: so the records of earlier
    versions are read.
    """

    keys: Mapping[str, str]
    by_id: frozenset[str] = frozenset()

    def key_of(self, scope: str) -> str:
        """The key of a scope."""
        return scope if scope in self.by_id else self.keys.get(scope, scope)

    def scope_of(self, key: str) -> str:
        """The id of the scope that a key names."""
        return self._scopes.get(key, key)

    @cached_property
    def _scopes(self) -> dict[str, str]:
        return {key: scope for scope, key in self.keys.items()}


def add_keys(keys: Mapping[str, str], scopes: Iterable[NamedScope]) -> dict[str, str]:
    """The keys, and a new one for each of the scopes that has none; equal whatever the order of the scopes."""
    added, taken = dict(keys), set(keys.values())
    for scope in sorted(scopes, key=lambda scope: scope.id):
        if scope.id not in added:
            added[scope.id] = _new_key(scope, taken)
            taken.add(added[scope.id])
    return added


def _new_key(scope: NamedScope, taken: Collection[str]) -> str:
    slug = slugify(scope.name, max_length=LONGEST_SLUG, word_boundary=True, save_order=True)
    return next(key for key in _candidates(slug or scope.kind.value, scope.id) if key not in taken)


def _candidates(slug: str, id: str) -> Iterator[str]:
    digits = id.replace("-", "")
    yield from (f"{slug}-{digits[:length]}" for length in range(DIGITS, max(DIGITS, len(digits)) + 1))
    yield from (f"{slug}-{id}-{number}" for number in count(2))
