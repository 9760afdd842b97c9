"""Rules for the tests themselves: no test module is imported by another, so each can be changed alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import mews_assets_tests

TESTS = Path(mews_assets_tests.__file__).parent


def imported_modules(path: Path) -> Iterator[str]:
    """The full names that a file imports, wherever in it, and in the code that it hands to other processes."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            words = node.value.replace(",", " ").split()
            yield from (word for word in words if word.startswith("mews_assets_tests."))


def imported_tests(path: Path) -> set[str]:
    return {
        name
        for name in imported_modules(path)
        if name.startswith("mews_assets_tests.")
        and any(word.startswith("test_") for word in name.split("."))
        and TESTS.parent.joinpath(*name.split(".")).with_suffix(".py").exists()
    }


def importers() -> dict[str, set[str]]:
    found = {path: imported_tests(path) for path in sorted(TESTS.rglob("*.py"))}
    return {str(path.relative_to(TESTS)): names for path, names in found.items() if names}


def test_no_test_module_is_imported_by_another() -> None:
    """What several modules need stands in a module that is no test."""
    assert importers() == {}
