"""How a rule is broken on purpose: the register of mutants, and how they patch.

Lives here: `mutant`, which notes one under its name. Not here: the mutants (`broken_asking`, `broken_lake`).
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


def patched(*seams: tuple[Any, str, Any]) -> ExitStack:
    stack = ExitStack()
    for owner, name, value in seams:
        stack.enter_context(patch.object(owner, name, value))
    return stack
