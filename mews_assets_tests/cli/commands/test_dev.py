"""The UI is for this machine: it asks nobody for a password."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from mews_assets.cli import home, main
from mews_assets.cli.commands import dev
from mews_assets.lake.storage.lake import open_lake
from mews_assets.settings import SERVED_REPORT, read_settings
from mews_assets.windows import Grain
from mews_assets_tests import ROOT


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


def test_the_report_is_served_beside_the_ui_whatever_stands_in_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Dagster's processes read `.env` as it was copied from the example, with an empty line for the address."""
    monkeypatch.setenv("MEWS_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("MEWS_START_DATE", "2026-03-01")
    monkeypatch.setenv(SERVED_REPORT, "")
    with ExitStack() as stack:
        dev._serve_report(stack, 0)
        served = read_settings({**os.environ, "MEWS_REPORT_URL": ""}).report_url
        answer = httpx.get(served, trust_env=False)
        assert (answer.status_code, "not made yet" in answer.text) == (404, True)
        own = "https://reports.example.com/report.html"
        assert read_settings({**os.environ, "MEWS_REPORT_URL": own}).report_url == own


def test_no_address_that_is_open_to_others_is_told_anywhere() -> None:
    root = ROOT
    files = [root / "README.md", root / "Makefile", root / "dagster.yaml", root / "workspace.yaml"]
    files += (root / "docs").glob("*.md")
    files += [*(root / "mews_assets").rglob("*.py"), *(root / "benchmarks").rglob("*.py")]
    assert [str(path) for path in files if "0.0.0.0" in path.read_text()] == []


@pytest.mark.usefixtures("elsewhere")
def test_a_port_that_is_taken_is_told_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    """Dagster itself would go on without its UI, and with a second daemon beside the first."""
    home.trial(home.utc_now())
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["dev", "--port", str(port)]) == 1
    assert f"cannot listen on port {port}" in capsys.readouterr().err
    assert main(["dev", "--port", "99999"]) == 1


@pytest.mark.usefixtures("elsewhere")
def test_a_second_one_on_the_same_instance_is_refused_until_the_first_has_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also on another port: each would bring a daemon, and both launch what is due."""
    home.trial(home.utc_now())
    with dev._alone(home.DEMO):
        assert main(["dev", "--port", "0"]) == 1
        assert "another `mews-assets dev` runs on data/demo" in capsys.readouterr().err
    with dev._alone(home.DEMO):
        pass


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("setting", "said"),
    [("MEWS_ACCESS_TOKEN=", "MEWS_ACCESS_TOKEN"), ("MEWS_WINDOW=weekly", "laid with daily windows")],
)
def test_what_the_processes_would_stumble_over_is_told_before_they_start(
    setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    open_lake("data/lake", Grain.DAILY)
    lines = [
        "MEWS_CLIENT_TOKEN=c",
        "MEWS_ACCESS_TOKEN=a",
        "MEWS_START_DATE=2026-01-01",
        "MEWS_LAKE=data/lake",
    ]
    name = setting.partition("=")[0]
    kept = [line for line in lines if not line.startswith(name)]
    Path(".env").write_text("\n".join([*kept, setting, "MEWS_PLATFORM_ADDRESS=https://api.mews-demo.com"]))
    assert main(["dev", "--port", "0"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("platform", "environment", "opens"),
    [
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("darwin", {}, True),
        ("linux", {}, False),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 22"}, False),
        ("linux", {"DISPLAY": ":0", "CI": "true"}, False),
    ],
)
def test_a_browser_is_opened_only_where_somebody_sees_it(
    platform: str, environment: dict[str, str], opens: bool
) -> None:
    assert dev._has_desktop(platform, environment) is opens
