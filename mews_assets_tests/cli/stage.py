"""What commands are pointed at, and what is read of their answers."""

from __future__ import annotations

import os
from datetime import datetime

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from mews_assets.ingest.findings import Finding, Level
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.conftest import ACCESS_TOKEN, CLIENT_TOKEN


def point_at(mews: RunningSandbox, **more: str) -> None:
    """Settings in the environment, as a person would export them."""
    os.environ.update(
        MEWS_PLATFORM_ADDRESS=mews.address,
        MEWS_CLIENT_TOKEN=mews.client_token,
        MEWS_ACCESS_TOKEN=mews.access_token,
        MEWS_LAKE="lake",
        **more,
    )


def told(capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The one line on stderr of a command that ended with 1."""
    assert code == 1
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if not line.startswith(("INFO", "ERROR", "WARNING"))]
    assert len(lines) == 1, captured.err
    assert "Traceback" not in captured.err
    assert CLIENT_TOKEN not in captured.err + captured.out
    assert ACCESS_TOKEN not in captured.err + captured.out
    return lines[0]


def only(found: dict[tuple[str, Level], list[Finding]], subject: str, level: Level) -> Finding:
    assert (subject, level) in found, found
    (one,) = found[subject, level]
    return one


def beat(instance: dg.DagsterInstance, at: datetime, *but: str) -> None:
    for name in instance.get_required_daemon_types():
        if name not in but:
            instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), name, "one", []))


def unfinished_erasure(lake: Lake, customer: str) -> str:
    """What an interrupted `forget` leaves behind. Returns the file's name."""
    name = layout.pending_search_file(customer)
    lake.write_json(
        name, {"customers": [customer], "merged_into": [], "texts": {"Ada Byron": [2, "first_name"]}}
    )
    return name
