"""What goes into the wheel: the version from one place, and the files that a folder without the project needs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

import mews_assets
from mews_assets.cli import home
from mews_assets.settings import DEFAULT_CLIENT
from mews_assets_tests import ROOT


def test_the_version_stands_in_one_place() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"mews_assets {version}" == DEFAULT_CLIENT
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_package_brings_the_instance_and_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that is no checkout, Dagster is started from the files of the package."""
    monkeypatch.chdir(tmp_path)
    for name in ("dagster.yaml", "workspace.yaml"):
        found = home.here_or_installed(Path(name))
        assert yaml.safe_load(found.read_text()) == yaml.safe_load((ROOT / name).read_text())
        (tmp_path / name).write_text("{}")
        assert home.here_or_installed(Path(name)) == tmp_path / name
    assert (Path(mews_assets.__file__).parent / "py.typed").exists()
