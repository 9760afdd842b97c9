"""What runs on this machine is asked directly, whatever the environment says of proxies: by us and by our children."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from mews_assets.cli import home, main
from mews_assets.cli.commands import demo, dev
from mews_assets.cli.sandbox_process import point_at, sandbox_process

pytestmark = pytest.mark.usefixtures("elsewhere")

NOBODY = "http://127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
NO_PROXIES = [None, "fd00::/8, 10.0.0.0/8, [bad, *.local,127.0.0.2"]


@pytest.fixture(params=NO_PROXIES)
def behind_a_proxy(elsewhere: None, request: pytest.FixtureRequest) -> None:
    """After `elsewhere`, which puts the environment back: other tests of this process know nothing of it."""
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    if request.param is not None:
        os.environ["NO_PROXY"] = request.param
    os.environ.update(dict.fromkeys(PROXIES, NOBODY))


@pytest.mark.slow
@pytest.mark.usefixtures("behind_a_proxy")
def test_our_own_sandbox_is_asked_without_a_proxy() -> None:
    now = home.utc_now()
    trial = home.Trial(now - timedelta(days=2), hotels=1, days=2)
    with sandbox_process(trial, export_seconds=0) as settings:
        point_at(settings, trial)
        day = f"{now - timedelta(days=1):%Y-%m-%d}"
        os.environ["MEWS_LAKE"] = "lake"
        assert main(["pull", "payments", "--start", f"{now - timedelta(days=2):%Y-%m-%d}", "--end", day]) == 0


CHILD = """
import sys, urllib.request, requests, httpx
address = sys.argv[1]
urllib.request.urlopen(address + "/control/clock", timeout=5).read()
requests.get(address + "/control/clock", timeout=5).raise_for_status()
httpx.get(address + "/control/clock", timeout=5).raise_for_status()
"""


@pytest.mark.slow
@pytest.mark.parametrize("no_proxy", [None, "example.com, 10.0.0.0/8"])
def test_the_processes_that_dagster_starts_ask_this_machine_without_a_proxy(no_proxy: str | None) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    if no_proxy is not None:
        os.environ["NO_PROXY"] = no_proxy
    os.environ.update(dict.fromkeys(PROXIES, NOBODY))
    trial = home.Trial(home.utc_now() - timedelta(days=1), hotels=1, days=1)
    with sandbox_process(trial, export_seconds=0) as settings:
        asked = [sys.executable, "-c", CHILD, settings["MEWS_PLATFORM_ADDRESS"]]
        assert subprocess.run(asked, capture_output=True).returncode != 0
        home.go_direct_to_loopback(os.environ)
        assert subprocess.run(asked, capture_output=True).returncode == 0


def test_what_the_environment_excepts_stays_excepted() -> None:
    environment = {"NO_PROXY": "a.example, 10.0.0.0/8", "no_proxy": "b.example"}
    home.go_direct_to_loopback(environment)
    assert environment["NO_PROXY"] == environment["no_proxy"] == "b.example,localhost,127.0.0.1,::1"
    home.go_direct_to_loopback(environment)
    assert environment["no_proxy"] == "b.example,localhost,127.0.0.1,::1"


@pytest.mark.parametrize("command", [demo, dev])
def test_the_commands_that_start_others_tell_them_so(
    command: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReachedError(Exception):
        pass

    def reached(environment: object) -> None:
        assert environment is os.environ
        raise ReachedError

    monkeypatch.setattr(home, "go_direct_to_loopback", reached)
    with pytest.raises(ReachedError):
        main([command.__name__.rpartition(".")[2]])  # type: ignore[attr-defined]
