"""Every file, folder, module and function that the documents name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mews_assets_tests import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PACKAGE = ROOT / "mews_assets"
SPACES = (ROOT, PACKAGE)
"""What paths are written from: the checkout, or the package."""
OF_A_LAKE = re.compile(r"(rows\.parquet|plot\.png|scope=.*|/)$|^(marts|catalog)/<\w+>")
"""Paths in a lake, which may begin as a package does (`marts/<name>/rows.parquet`)."""
ENDINGS = (".py", ".md", ".toml", ".yaml", ".c", ".png", ".txt", ".example")
COMMANDS = re.compile(r"\bpython -m ((?:mews_assets|mews_assets_tests|benchmarks)[\w.]*)")


def tops() -> set[str]:
    """The first parts of paths that are files and folders of ours."""
    folders = [path for space in SPACES for path in space.iterdir() if path.is_dir()]
    return {path.name for path in folders if path.name[0] not in "._" and path.name not in ("data", "build")}


def quoted(text: str) -> Iterator[str]:
    for found in re.finditer(r"`([^`\n]+)`", text):
        yield found[1]


def named_paths(text: str) -> set[str]:
    """What is written as code and is a path of this repository."""
    first = tops()
    return {
        name
        for name in quoted(text)
        if " " not in name
        and (("/" in name and name.split("/")[0] in first) or name.endswith(ENDINGS))
        and not (OF_A_LAKE.search(name) and not name.startswith("mews_assets"))
    }


def links(text: str) -> set[str]:
    """The targets of links and pictures that are not elsewhere."""
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return {target.partition("#")[0] for target in found if not re.match(r"\w+:|#", target)}


def is_there(name: str) -> bool:
    """Whether a path exists, with or without `.py`; `<group>` stands for any name; a bare file may be anywhere."""
    pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
    candidates = (pattern, f"{pattern}.py")
    if any(any(space.glob(one)) for space in SPACES for one in candidates):
        return True
    return "/" not in name and any(any((ROOT / top).rglob(pattern)) for top in ("mews_assets", "docs"))


def sources(name: str) -> str:
    """The code of a module or of all modules of a package, named without `mews_assets/`."""
    module = PACKAGE / f"{name}.py"
    files = [module] if module.exists() else sorted((PACKAGE / name).glob("*.py"))
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    assert sorted(name for name in named_paths(text) if not is_there(name)) == []
    assert sorted(target for target in links(text) if not (document.parent / target).exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_module_that_a_document_runs_exists(document: Path) -> None:
    modules = COMMANDS.findall(document.read_text())
    places = {name: ROOT.joinpath(*name.split(".")) for name in modules}
    assert [name for name, at in places.items() if not (at.with_suffix(".py").exists() or at.is_dir())] == []


def test_every_function_of_the_flows_stands_in_the_module_that_is_named_with_it() -> None:
    """`merge` (`lake/changes/merge`): the module defines the function, the class or its method."""
    text = (ROOT / "docs/architecture.md").read_text()
    pairs = re.findall(r"`([\w.]+)` \(`([\w/]+)`\)", text)
    assert len(pairs) > 10
    wrong = [
        f"{name} in {module}"
        for name, module in pairs
        for part in name.split(".")
        if not re.search(rf"(?m)^\s*(?:async )?(?:def|class) {part}\b", sources(module))
    ]
    assert wrong == []


def test_the_paths_of_the_documents_are_found() -> None:
    """Else the tests above would pass whatever a document said."""
    found = named_paths((ROOT / "CONTRIBUTING.md").read_text())
    assert "mews_assets/ingest/plan.py" in found and len(found) > 15
    assert not is_there("mews_assets/ingest/no_such_module.py")
    assert not is_there("lake/no_such_package")
