"""Alerts from real events of a real Dagster instance to a webhook and a mailbox that count what they get."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from mews_assets import catalog
from mews_assets.defs.build import build_definitions
from mews_assets.sandbox.running import running_sandbox
from mews_assets_tests.defs.judging import PAYMENTS, evaluate
from mews_assets_tests.defs.runs import add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import DAYS
from mews_assets_tests.defs.ticks import Ticks
from mews_assets_tests.defs.watch import UI, Watch, by_hand, watching
from mews_assets_tests.ingest.made import NOW as MADE_NOW
from mews_assets_tests.ingest.made import made_records


def partitions(watch: Watch, days: int = 20) -> list[str]:
    return [
        watch.stage.key(scope, f"2025-01-{day:02}")
        for scope in watch.stage.enterprises
        for day in range(1, days + 1)
    ]


@pytest.mark.slow
def test_forty_failing_partitions_are_one_message_and_one_more_when_they_pass(anywhere: Watch) -> None:
    assert anywhere.stage.run("enterprises").success
    names = [one["Name"] for one in hotels(anywhere)]
    keys = partitions(anywhere)
    assert len(keys) == 40
    failed = {"partitions": 40, "failed_partitions": dg.MetadataValue.json(keys)}
    found = evaluate(anywhere.stage.instance, [(key, False) for key in keys])
    evaluate(anywhere.stage.instance, [(None, False)], metadata=failed)
    assert "1 messages sent" in anywhere.tick()
    (message,) = anywhere.webhook.received
    assert message["type"] == "failure"
    assert message["title"] == "FAILED payments: key_unique fails on 40 partitions of 2 hotels"
    lines = message["message"].splitlines()
    assert lines[1].startswith(f"- {names[1]}, 2025-01-20: duplicate_keys 39, rows 812")
    assert "and 35 more" in lines
    assert f"Run: {UI}/runs/{found.run_id}" in lines
    assert f"Table: {UI}/assets/changes/payments?view=checks" in lines

    evaluate(anywhere.stage.instance, [(key, True) for key in keys[:39]])
    evaluate(anywhere.stage.instance, [(None, True)], metadata={**failed, "failed_partitions": []})
    evaluate(anywhere.stage.instance, [(key, False) for key in keys[39:]])
    anywhere.titles()
    anywhere.tick()
    assert anywhere.titles() == []
    evaluate(anywhere.stage.instance, [(keys[39], True)])
    anywhere.tick()
    (resolved,) = anywhere.webhook.received
    assert (resolved["type"], resolved["title"]) == ("success", "RESOLVED payments: key_unique passes again")
    anywhere.tick()
    assert len(anywhere.webhook.received) == 1


def hotels(watch: Watch) -> list[dict[str, Any]]:
    directory = watch.stage.lake.read_json("state/directory.json")
    by_id = {one["id"]: one["name"] for one in directory["enterprises"]}
    return [{"Name": by_id[scope]} for scope in watch.stage.enterprises]


def test_a_real_run_whose_check_fails_is_told_though_the_run_succeeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment without what Mews' own contract requires of it, in a sandbox of its own."""
    with (
        running_sandbox(made_records(), now=MADE_NOW) as mews,
        watching(dg.DagsterInstance.ephemeral(), mews, tmp_path, monkeypatch) as watch,
    ):
        record = {"Id": "5b0e4c53-3f3c-4b8f-8ad5-000000000001", "EnterpriseId": watch.stage.enterprises[0]}
        mews.put_record("Payment", record, stamp_utc="2024-06-05T10:00:00Z")
        assert watch.stage.run("enterprises").success
        assert watch.stage.run("payments", watch.stage.keys(days=["2024-06-05"])).success
        watch.tick()
        assert [one for one in watch.titles() if "payments: required_present" in one] == [
            "FAILED payments: required_present fails on 1 partition of 1 hotel"
        ]


def test_a_warning_is_a_less_urgent_message(watch: Watch) -> None:
    evaluate(watch.stage.instance, [("a|2025-01-01", False)], severity=dg.AssetCheckSeverity.WARN)
    watch.tick()
    (message,) = watch.webhook.received
    assert message["type"] == "warning"
    assert message["title"].startswith("WARNING payments: key_unique")


def test_a_verdict_that_no_run_gave_is_told(anywhere: Watch) -> None:
    by_hand(anywhere, "by_hand", passed=False)
    anywhere.tick()
    (message,) = anywhere.webhook.received
    assert message["title"] == "FAILED payments: by_hand fails"
    assert "Run:" not in message["message"]


@pytest.mark.slow
def test_hotels_that_are_behind_in_all_tables_are_one_message_and_each_table_is_over_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real check: seven hours after the hotels were found nothing has landed."""
    with (
        running_sandbox(made_records(), now=MADE_NOW) as mews,
        watching(dg.DagsterInstance.ephemeral(), mews, tmp_path, monkeypatch) as watch,
    ):
        stage = watch.stage
        stage.environment["MEWS_START_DATE"] = "2024-06-13"
        assert stage.run("enterprises").success
        mews.advance(7 * 3600)
        assert stage.run("enterprises").success
        assert stage.run("freshness").success
        watch.tick()
        (message,) = [one for one in watch.webhook.received if "fresh_per_scope" in one["title"]]
        assert message["title"] == f"FAILED fresh_per_scope: {len(stage.settings.tables)} tables"
        assert (
            "- FAILED payments: fresh_per_scope fails on 2 hotels\n  Cause: 2 of 2 are behind."
            in (message["message"])
        )
        watch.titles()
        assert stage.run("payments", stage.keys(days=["2024-06-13", "2024-06-14"])).success
        assert stage.run("freshness").success
        watch.tick()
        assert watch.titles() == ["RESOLVED payments: fresh_per_scope passes again"]


def test_freshness_of_dagsters_own_policies_is_told_as_it_worsens_and_once_when_it_is_over(
    anywhere: Watch,
) -> None:
    def becomes(before: str, after: str) -> None:
        change = FreshnessStateChange(
            key=PAYMENTS,
            previous_state=FreshnessState(before),
            new_state=FreshnessState(after),
            state_change_timestamp=datetime.now(UTC).timestamp(),
        )
        anywhere.stage.instance.report_runless_asset_event(change)
        anywhere.tick()

    becomes("UNKNOWN", "PASS")
    becomes("PASS", "WARN")
    becomes("WARN", "FAIL")
    becomes("FAIL", "PASS")
    assert [one.split(":")[0] for one in anywhere.titles()] == [
        "WARNING payments",
        "FAILED payments",
        "RESOLVED payments",
    ]


@pytest.mark.slow
def test_a_failed_run_is_told_with_its_hotels_and_is_over_when_others_have_landed_them(
    watch: Watch,
) -> None:
    stage = watch.stage
    assert stage.run("enterprises").success
    stage.mews.plan_fault("exports/add", status=403, times=1)
    failed = stage.run("payments", stage.keys(days=DAYS[:1]))
    assert not failed.success
    watch.tick()
    (message,) = watch.webhook.received
    assert message["title"] == "FAILED payments: a run failed, 2 partitions of 2 hotels"
    assert "status 403" in message["message"]
    assert f"{UI}/runs/{failed.run_id}\nTable: {UI}/assets/changes/payments\n" in message["message"]
    assert all(f"- {one['Name']}, {DAYS[0]}" in message["message"] for one in hotels(watch))
    watch.titles()

    assert stage.run("payments", stage.keys(days=DAYS[1:])).success
    assert stage.run("payments", stage.keys(stage.enterprises[:1], DAYS[:1])).success
    watch.tick()
    assert watch.titles() == []
    assert stage.run("payments", stage.keys(stage.enterprises[1:], DAYS[:1])).success
    watch.tick()
    assert watch.titles() == ["RESOLVED payments: what a run could not do has been done"]


@pytest.mark.slow
def test_a_run_that_fails_without_partitions_is_over_with_the_next_good_run(anywhere: Watch) -> None:
    stage = anywhere.stage
    stage.mews.plan_fault("enterprises/getAll", status=403)
    assert not stage.run("enterprises").success
    anywhere.tick()
    assert anywhere.titles() == ["FAILED enterprises: a run failed"]
    anywhere.tick()
    assert anywhere.titles() == []
    stage.mews.reset()
    assert stage.run("enterprises").success
    anywhere.tick()
    assert anywhere.titles() == ["RESOLVED enterprises: a later run succeeded"]


@pytest.mark.slow
def test_a_snapshot_that_failed_is_told_and_over_with_the_next_that_does_not(watch: Watch) -> None:
    stage = watch.stage
    add_scopes(stage)
    north, south = stage.enterprises
    assert stage.run("payments", stage.keys(days=DAYS[:1])).success
    stage.mews.plan_fault("exports/add", status=403, times=1)
    failed = snapshot_run(stage, catalog.table("payments"), north, south)
    assert not failed.success
    watch.tick()
    (message,) = watch.webhook.received
    assert "payments" in message["title"] and "a run failed" in message["title"]
    assert "status 403" in message["message"]
    assert f"{UI}/assets/snapshot/payments" in message["message"]
    watch.titles()
    assert stage.run("payments", stage.keys(days=DAYS[1:])).success
    watch.tick()
    assert watch.titles() == []  # that windows landed says nothing of the snapshot
    assert snapshot_run(stage, catalog.table("payments"), north, south).success
    watch.tick()
    (title,) = watch.titles()
    assert title.startswith("RESOLVED")


@pytest.mark.slow
def test_a_failed_run_of_current_tables_is_told_with_its_scope(watch: Watch) -> None:
    """It names scopes, not windows: the look for alerts broke on it, and so did every later one."""
    stage = watch.stage
    add_scopes(stage)
    north, south = stage.enterprises
    assert stage.run("payments", stage.keys([north], DAYS[:1])).success
    assert not fold_run(stage, catalog.table("payments"), north, south).success
    watch.tick()
    (message,) = watch.webhook.received
    assert message["title"].startswith("FAILED current/payments: a run failed, 1 hotel")
    assert "changes has no file of" in message["message"]


def test_a_killed_run_that_a_sensor_launched_is_a_warning_for_it_is_launched_again(watch: Watch) -> None:
    job = build_definitions(watch.stage.settings).resolve_job_def("payments")
    run = watch.stage.instance.create_run_for_job(
        job, tags={"dagster/sensor_name": "export_payments"}, status=dg.DagsterRunStatus.STARTED
    )
    watch.stage.instance.report_run_failed(run, "the process was killed")
    watch.tick()
    (message,) = watch.webhook.received
    assert (message["type"], message["title"]) == ("warning", "WARNING payments: a run failed")
    assert "tries again by itself" in message["message"]


def test_an_unforeseen_exception_is_told_by_its_name_only(watch: Watch) -> None:
    @dg.op
    def breaks() -> None:
        raise RuntimeError("guest Anna Smith, room 12")

    @dg.job
    def breaking() -> None:
        breaks()

    breaking.execute_in_process(instance=watch.stage.instance, raise_on_error=False)
    watch.tick()
    (message,) = watch.webhook.received
    assert "RuntimeError" in message["message"]
    assert "Anna" not in json.dumps(message)


def test_words_in_a_verdicts_metadata_are_in_no_message(watch: Watch) -> None:
    metadata = {
        "guest": "Anna Smith",
        "worst": dg.MetadataValue.json([{"Email": "anna@example.com"}]),
        "table": dg.MetadataValue.md("| Anna |"),
        "values": dg.MetadataValue.json({"Anna": 3, "Berta": 4}),
        "rows": 900,
    }
    evaluate(watch.stage.instance, [("a|2025-01-01", False)], metadata=metadata)
    watch.tick()
    (message,) = watch.webhook.received
    assert "a, 2025-01-01: values 7, worst 1, rows 900" in message["message"]
    assert "nna" not in json.dumps(message)


@pytest.mark.slow
def test_an_export_given_up_is_told_once_and_again_when_somebody_has_landed_it(watch: Watch) -> None:
    """Through the real export sensor: refused by Mews, given up, landed by hand after the cause was mended."""
    ticks = Ticks(watch.stage)
    ticks.discover()

    def tick() -> None:
        for event in ticks.tick("export_payments").asset_events:
            watch.stage.instance.report_runless_asset_event(event)
        watch.tick()

    watch.stage.mews.plan_fault("exports/add", status=403, times=1)
    tick()
    tick()
    (message,) = watch.webhook.received
    assert message["title"] == "FAILED payments: given up, Mews is not asked again for windows of 2 hotels"
    assert "status 403" in message["message"]
    assert all(one["Name"] in message["message"] for one in hotels(watch))
    watch.titles()
    days = ("2025-03-07", *DAYS)
    assert watch.stage.run("payments", watch.stage.keys(days=days)).success
    tick()
    assert watch.titles() == ["RESOLVED payments: what was given up has landed"]
