"""The alerts sensor in a process of its own, killed by SIGKILL in the middle of a delivery."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets.alerts.delivery import REPEATED, targets_of
from mews_assets.defs.alerts import sensor
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests import ROOT
from mews_assets_tests.alerts.receivers import Webhook, running_webhook
from mews_assets_tests.defs.judging import evaluate
from mews_assets_tests.defs.stage import Stage, stage_of

TICK = """
import os, sys
import dagster as dg
from mews_assets.defs.base.resources import LakeResource
from mews_assets.definitions import defs
from mews_assets.settings import read_settings

repository = defs.get_repository_def()
lake = LakeResource.of(read_settings(os.environ))
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    context = dg.build_sensor_context(
        instance=instance, repository_def=repository, sensor_name="alerts", resources={"lake": lake}
    )
    repository.get_sensor_def("alerts").evaluate_tick(context)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as made:
        yield made


@pytest.fixture
def stage(
    mews: RunningSandbox, home: Path, webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    with dg.instance_for_test(temp_dir=str(home)) as instance:
        yield stage_of(mews, instance, tmp_path, monkeypatch, MEWS_ALERT_URLS=webhook.url)


def tick(stage: Stage) -> str:
    targets = targets_of(stage.environment["MEWS_ALERT_URLS"])
    return sensor.Tick(stage.instance, stage.lake, stage.settings, targets, lambda problem: None).run()


@pytest.mark.slow
@pytest.mark.parametrize("takes_it", [False, True])
def test_a_sensor_killed_in_the_middle_of_a_delivery_tells_after_its_restart(
    stage: Stage, home: Path, webhook: Webhook, takes_it: bool
) -> None:
    """Once where the message had not been taken; where it had been, the repeat says that it may be one."""
    keys = [stage.key(stage.enterprises[0], f"2025-01-{day:02}") for day in range(1, 31)]
    evaluate(stage.instance, [(key, False) for key in keys])
    children: list[subprocess.Popen[bytes]] = []

    def kill() -> None:
        children[0].kill()
        children[0].wait(30)

    webhook.on_message = kill
    webhook.status = 200 if takes_it else 500
    environment: dict[str, Any] = {**os.environ, "DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    children.append(subprocess.Popen([sys.executable, "-c", TICK, str(home)], env=environment))
    assert children[0].wait(60) == -9
    assert len(webhook.received) == takes_it

    webhook.on_message, webhook.status = lambda: None, 200
    tick(stage)
    tick(stage)
    texts = [one["message"] for one in webhook.received]
    assert len(texts) == 1 + takes_it
    assert {one["title"] for one in webhook.received} == {
        "FAILED payments: key_unique fails on 30 partitions of 1 hotel"
    }
    assert len({text.split("Incident: ")[1].split()[0] for text in texts}) == 1
    assert REPEATED in texts[-1]
    assert [REPEATED in text for text in texts[:-1]] == [False] * takes_it

    evaluate(stage.instance, [(key, True) for key in keys])
    webhook.received.clear()
    tick(stage)
    assert webhook.titles == ["RESOLVED payments: key_unique passes again"]
