"""What a container's probe is told: an exit code, and one JSON object that says why."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from mews_assets.cli import main
from mews_assets.defs.production.health import check_code, check_webserver


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(set_dagster_home=True) as made:
        yield made


def beat(instance: dg.DagsterInstance, ago: float) -> None:
    for daemon in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, daemon, "one", []))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main(["health", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_the_daemon_is_well_while_each_of_its_parts_beats(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = told(capsys, "daemon")
    assert (code, found["healthy"]) == (1, False), "it has never run"
    beat(instance, ago=5)
    code, found = told(capsys, "daemon")
    assert (code, found["healthy"]) == (0, True)
    assert found["detail"] == f"{len(instance.get_required_daemon_types())} parts are well"


def test_a_daemon_that_fell_silent_is_not_well(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    beat(instance, ago=4000)
    code, found = told(capsys, "daemon")
    assert code == 1
    assert "no recent sign of life of" in str(found["detail"])


def test_an_instance_without_celery_has_no_workers(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = told(capsys, "worker")
    assert code == 1
    assert "has no Celery workers" in str(found["detail"])


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/server_info" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_web_server_that_answers_is_well_and_one_that_does_not_is_not() -> None:
    with HTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        assert check_webserver(port).healthy
        server.shutdown()
    assert not check_webserver(port).healthy
    assert not check_code(port).healthy


def test_without_a_home_the_command_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(str(tmp_path))
    assert main(["health", "daemon"]) == 1
    assert "DAGSTER_HOME is not set" in capsys.readouterr().err
