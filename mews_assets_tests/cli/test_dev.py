"""The UI is for this machine: it asks nobody for a password."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import mews_assets
from mews_assets.cli import dev


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def test_the_ui_is_opened_on_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    real = subprocess.Popen

    def popen(command: list[str]) -> subprocess.Popen[bytes]:
        asked.append(command)
        return real([command[0], "-c", ""])

    monkeypatch.setattr(subprocess, "Popen", popen)
    assert dev._serve(3123) == 0
    (command,) = asked
    assert command[command.index("--host") + 1] == "127.0.0.1"


def test_no_address_that_is_open_to_others_is_told_anywhere() -> None:
    root = Path(mews_assets.__file__).parents[1]
    files = [root / "README.md", root / "Makefile", root / "dagster.yaml", root / "workspace.yaml"]
    files += [*(root / "mews_assets").rglob("*.py"), *(root / "benchmarks").rglob("*.py")]
    assert [str(path) for path in files if "0.0.0.0" in path.read_text()] == []
