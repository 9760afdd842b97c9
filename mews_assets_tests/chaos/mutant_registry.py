"""The registry of mutants: rules that are broken on purpose.

Lives here: `mutant`, which registers a function, and `patched`. Not here: the mutants (`api_mutants`, `lake_mutants`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

MUTANTS: dict[str, Callable[[], AbstractContextManager[None]]] = {}


def mutant(breaks: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
    MUTANTS[breaks.__name__.replace("_", " ")] = contextmanager(breaks)
    return breaks


def patched(*replacements: tuple[Any, str, Any]) -> ExitStack:
    """A context in which (owner, name, value) are patched; they are patched at once."""
    stack = ExitStack()
    for owner, name, value in replacements:
        stack.enter_context(patch.object(owner, name, value))
    return stack
