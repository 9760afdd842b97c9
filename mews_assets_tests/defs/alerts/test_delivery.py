"""Many alerts at once, targets that fail, kills, and the sensor itself: each message once, to everybody."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mews_assets.alerts import state as states
from mews_assets.alerts.delivery import REPEATED
from mews_assets.alerts.outbox import SINGLES_PER_HOUR
from mews_assets.defs.alerts import sensor
from mews_assets.defs.base.resources import LakeResource
from mews_assets.defs.build import build_definitions
from mews_assets_tests.alerts.receivers import running_mailbox, running_webhook
from mews_assets_tests.defs.judging import evaluate
from mews_assets_tests.defs.stage import Stage
from mews_assets_tests.defs.watch import MARK, Watch, by_hand


def test_many_incidents_at_once_are_few_messages_and_a_digest(watch: Watch) -> None:
    for number in range(SINGLES_PER_HOUR + 14):
        by_hand(watch, f"check_{number}", passed=False)
    watch.tick()
    watch.tick()
    titles = watch.titles()
    assert len(titles) == SINGLES_PER_HOUR + 1
    assert titles[-1] == "14 alerts in one: 14 failure"
    by_hand(watch, "check_0", passed=True)
    assert "1 kept for a digest" in watch.tick()
    watch.passed = timedelta(hours=1, minutes=1)
    watch.tick()
    assert watch.titles() == ["RESOLVED payments: check_0 passes again"]


def test_a_target_that_fails_is_tried_again_and_the_others_get_theirs_at_once(watch: Watch) -> None:
    with running_webhook() as broken, running_mailbox() as mailbox:
        broken.status = 500
        urls = f"{broken.url} {watch.webhook.url}, {mailbox.url}"
        evaluate(watch.stage.instance, [("a|2025-01-01", False)])
        said = watch.tick(urls)
        assert "2 messages sent" in said
        assert "target 1:json: not accepted" in said
        assert [len(watch.webhook.received), len(mailbox.mails)] == [1, 1]
        assert "key_unique fails" in mailbox.mails[0]["Subject"]
        broken.status = 200
        watch.tick(urls)
        assert broken.received == [], "it is left alone for a while"
        watch.passed = timedelta(minutes=1)
        watch.tick(urls)
        watch.tick(urls)
        assert [len(broken.received), len(watch.webhook.received), len(mailbox.mails)] == [1, 1, 1]
        assert MARK not in said + "".join(watch.errors)


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.mark.slow
def test_a_kill_at_any_step_loses_nothing_and_repeats_only_what_was_on_its_way(
    on_disk: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every save and every delivery is a step; the sensor is killed at each in turn, before it and after it."""
    real = {"save": states.save, "deliver": sensor.deliver}
    steps: dict[str, int] = {"left": 0}

    def cut(name: str) -> Any:
        def step(*given: Any, **named: Any) -> None:
            for do in (None, real[name]):
                if steps["left"] == 0:
                    raise Killed
                steps["left"] -= 1
                if do is not None:
                    do(*given, **named)

        return step

    monkeypatch.setattr(states, "save", cut("save"))
    monkeypatch.setattr(sensor, "deliver", cut("deliver"))
    told: list[str] = []
    for step in range(100):
        check = f"check_{step}"
        by_hand(on_disk, check, passed=False)
        steps["left"] = step
        finished = False
        try:
            on_disk.tick()
            finished = True
        except Killed:
            pass
        steps["left"] = 1000
        on_disk.tick()
        on_disk.tick()
        about = [one for one in on_disk.webhook.received if f": {check} fails" in one["title"]]
        ids = {one["message"].split("Incident: ")[1].split()[0] for one in about}
        assert len(ids) == 1, f"killed at step {step}: told of {len(ids)} incidents"
        assert all(REPEATED in one["message"] for one in about[1:]), f"killed at step {step}"
        told.append(f"{len(about)}")
        on_disk.passed += timedelta(hours=1)
        if finished:
            break
    # Steps: before and after the first save, the mark, the delivery, the second mark. Only between the
    # delivery and its mark is a message sent twice.
    assert told == ["1", "1", "1", "1", "1", "1", "2", "2", "1"]


def test_only_the_last_day_is_told_of_when_alerts_are_turned_on(watch: Watch) -> None:
    evaluate(watch.stage.instance, [("a|2025-01-01", False)])
    watch.passed = timedelta(hours=23)
    watch.tick()
    assert len(watch.titles()) == 1
    states_file = watch.stage.lake.files("state/alerts")[0]
    watch.stage.lake.delete(states_file)
    watch.passed = timedelta(hours=25)
    watch.tick()
    assert watch.titles() == []


def tick_of_sensor(stage: Stage) -> Any:
    repository = build_definitions(stage.settings).get_repository_def()
    context = dg.build_sensor_context(
        instance=stage.instance,
        repository_def=repository,
        sensor_name="alerts",
        resources={"lake": LakeResource.of(stage.settings)},
    )
    return repository.get_sensor_def("alerts").evaluate_tick(context)


@pytest.mark.slow
def test_the_sensor_itself_tells_and_says_what_it_did_without_any_address(on_disk: Watch) -> None:
    evaluate(on_disk.stage.instance, [("a|2025-01-01", False)])
    said = tick_of_sensor(on_disk.stage).skip_message
    assert "1 open incidents, 1 messages sent" in said
    assert on_disk.titles() == ["FAILED payments: key_unique fails on 1 partition of 1 hotel"]
    on_disk.webhook.status = 500
    evaluate(on_disk.stage.instance, [("a|2025-01-01", True)])
    assert MARK not in tick_of_sensor(on_disk.stage).skip_message
    kept = [path.read_text() for path in Path(on_disk.stage.settings.lake).rglob("state/alerts/*")]
    assert kept
    assert MARK not in "".join(kept)


def test_without_addresses_the_sensor_says_that_nobody_is_told(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEWS_ALERT_URLS", " ")
    said = tick_of_sensor(watch.stage).skip_message
    assert said == "MEWS_ALERT_URLS is not set: nobody is told when something fails"


def test_the_sensor_runs_on_a_fresh_instance_only_where_automation_is_on(watch: Watch) -> None:
    for given, status in (("on", "RUNNING"), ("off", "STOPPED")):
        watch.stage.environment["MEWS_AUTOMATION"] = given
        definitions = build_definitions(watch.stage.settings)
        assert definitions.get_sensor_def("alerts").default_status.value == status
