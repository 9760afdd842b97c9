"""Deliberate corruptions, one for each check, put in by real means: each is caught by its check and by no other.

What Mews sends is corrupted in the records that the sandbox serves; what rests in the lake, in its Parquet files.
All are pulled, merged and judged by real runs, and told by the alert sensor's tick to a webhook.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets import catalog
from mews_assets.alerts.delivery import targets_of
from mews_assets.catalog.model import Table
from mews_assets.defs.alerts import sensor
from mews_assets.lake.storage import layout
from mews_assets.sandbox.running import ServerLimits, running_sandbox
from mews_assets_tests.alerts.receivers import Webhook, running_webhook
from mews_assets_tests.defs.corrupted import ELSEWHERE, NOW, SPARSE_DAY, Record, corrupted
from mews_assets_tests.defs.stage import RANGE_END, RANGE_START, Stage, stage_of

QUIET_DAYS = ("2025-03-24", "2025-03-25")
"""Of resource blocks: each gets one that moves on, so that nothing rewrites the file when it is asked for again."""
SAME_WEEKDAY = ("2025-03-06", "2025-03-13", "2025-03-20")

Caught = dict[str, dict[str, Any]]
"""The metadata of each check that failed, by its name."""


@dataclass
class Scene:
    """The corrupted hotel's stage, and what each run of it caught."""

    stage: Stage
    caught: dict[tuple[str, str], Caught] = field(default_factory=dict)
    """By table and day."""
    succeeded: dict[str, bool] = field(default_factory=dict)
    summaries: dict[str, set[str]] = field(default_factory=dict)
    """The checks whose summary failed, by table: of all its runs together."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    """What arrived at the webhook."""

    def key(self, table: str, day: str) -> str:
        scopes = self.stage.chains if table == "customers" else self.stage.enterprises
        return self.stage.key(scopes[0], day)

    def run(self, table: str, *days: str, **how: Any) -> None:
        keys = [] if how else [self.key(table, day) for day in days]
        result = self.stage.run(table, keys, **how)
        self.succeeded[table] = result.success
        for event in result.all_events:
            if event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                continue
            verdict = event.asset_check_evaluation_data
            if verdict.passed:
                continue
            name = verdict.asset_key.path[-1]
            if verdict.partition is None:
                self.summaries.setdefault(name, set()).add(verdict.check_name)
            else:
                day = verdict.partition.partition("|")[2]
                told = {key: value.value for key, value in verdict.metadata.items()}
                self.caught.setdefault((name, day), {})[verdict.check_name] = told

    def edit(self, table: str, day: str, change: Callable[[pa.Table], pa.Table]) -> None:
        """Change a partition's file where it rests."""
        scope = self.stage.partition_keys.split(self.key(table, day))[0]
        name = layout.changes_file(table, scope, day)
        file = self.stage.lake.local_root
        assert file is not None
        rows = pq.read_table(file / name, partitioning=None)
        pq.write_table(change(rows), file / name)


def _twice(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, 1)])


def _a_day_later(rows: pa.Table) -> pa.Table:
    at = rows.schema.get_field_index("_window_utc")
    later = pa.array([datetime(2025, 3, 26, tzinfo=UTC)] * rows.num_rows, rows.schema.field(at).type)
    return rows.set_column(at, rows.schema.field(at), later)


def _without_the_first(rows: pa.Table) -> pa.Table:
    return rows.slice(1)


def _put_blocks(scene: Scene) -> None:
    """One resource block on each quiet day."""
    for number, day in enumerate(QUIET_DAYS):
        scene.stage.mews.put_record("ResourceBlock", _block(scene, number), stamp_utc=f"{day}T10:00:00Z")


def _block(scene: Scene, number: int) -> Record:
    return {
        "Id": f"b10c0000-0000-4000-8000-{number:012}",
        "EnterpriseId": scene.stage.enterprises[0],
        "AssignedResourceId": ELSEWHERE,
        "IsActive": True,
        "Type": "OutOfOrder",
        "StartUtc": "2025-03-26T10:00:00Z",
        "EndUtc": "2025-03-27T10:00:00Z",
        "CreatedUtc": "2025-03-24T10:00:00Z",
        "Name": "Window broken",
    }


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All corruptions, put in and pulled."""
    with (
        running_sandbox(corrupted(), now=NOW, limits=ServerLimits(requests=10_000)) as mews,
        dg.DagsterInstance.ephemeral() as instance,
        pytest.MonkeyPatch.context() as patch,
        running_webhook() as webhook,
    ):
        folder = tmp_path_factory.mktemp("corrupted")
        found = Scene(stage_of(mews, instance, folder, patch, MEWS_START_DATE="2025-03-05"))
        stage = found.stage
        assert stage.run("enterprises").success
        found.run("payments", "2025-03-10", "2025-03-11", "2025-03-12")
        found.run("order_items", "2025-03-10", "2025-03-11")
        found.run("reservations", "2025-03-10", "2025-03-11")
        found.run("bills", "2025-03-10", "2025-03-11")
        found.run("customers", "2025-03-11")
        found.run("ledger_entries", *SAME_WEEKDAY, SPARSE_DAY, "2025-03-28")
        _put_blocks(found)
        found.run("resource_blocks", *QUIET_DAYS)
        for number in range(2):
            mews.put_record("ResourceBlock", _block(found, number), stamp_utc="2025-03-30T10:00:00Z")
        found.edit("resource_blocks", QUIET_DAYS[0], _twice)
        found.edit("resource_blocks", QUIET_DAYS[1], _a_day_later)
        assert found.caught.keys() & {("resource_blocks", day) for day in QUIET_DAYS} == set()
        found.run("resource_blocks", *QUIET_DAYS)
        found.run("outlet_items", "2025-03-11")
        found.edit("outlet_bills", "2025-03-11", _without_the_first)
        key = found.key("outlet_items", "2025-03-11")
        only = [dg.AssetKey(["changes", "outlet_items"])]
        found.run("outlet_items", tags={RANGE_START: key, RANGE_END: key}, only=only)
        found.messages = webhook.received
        _tell(stage, webhook)
        yield found


def _tell(stage: Stage, webhook: Webhook) -> None:
    """Two ticks of the alert sensor: the second has nothing new to say."""
    errors: list[str] = []
    for _ in range(2):
        targets = targets_of(webhook.url)
        sensor.Tick(stage.instance, stage.lake, stage.settings, targets, errors.append, _now).run()
    assert errors == []


def _now() -> datetime:
    return datetime.now(UTC)


CASES = (
    ("key_unique", "resource_blocks", QUIET_DAYS[0], {"duplicate_keys": 1}),
    ("required_present", "payments", "2025-03-10", {"missing": {"state": 1}}),
    ("rows_in_window", "resource_blocks", QUIET_DAYS[1], {"rows_outside_window": 1}),
    ("rows_reconciled", "customers", "2025-03-11", {"lines_unexplained": 1}),
    ("enum_values_known", "reservations", "2025-03-11", {"new_values": {"state": {"Teleported": 1}}}),
    ("schema_drift", "bills", "2025-03-11", {"unknown_fields": {"Mood": {"records": 1, "type": "string"}}}),
    ("amounts_add_up", "order_items", "2025-03-11", {"by_column": {"amount": 1}}),
    ("ledger_balances", "ledger_entries", "2025-03-28", {"transactions_off": 1}),
    ("money_signs", "payments", "2025-03-11", {"by_column": {"amount.gross_value": 1}}),
    ("currencies_known", "payments", "2025-03-12", {"unknown": {"original_amount.currency": {"CROWNS": 1}}}),
    ("references_resolve", "outlet_items", "2025-03-11", {"unresolved": {"bill_id": 1}}),
    ("volume_usual", "ledger_entries", SPARSE_DAY, {}),
)


@pytest.mark.parametrize(("check", "table", "day", "told"), CASES, ids=[case[0] for case in CASES])
def test_a_corruption_is_caught_by_its_check_and_no_other(
    scene: Scene, check: str, table: str, day: str, told: dict[str, Any]
) -> None:
    caught = scene.caught[table, day]
    assert set(caught) == {check}
    assert told.items() <= caught[check].items()
    assert caught[check]["worst"].startswith("|")
    assert check in scene.summaries[table]
    assert scene.succeeded[table]


@pytest.mark.parametrize(("check", "table", "day", "told"), CASES, ids=[case[0] for case in CASES])
def test_a_corruption_is_told_in_one_message_with_the_hotel_by_name_and_the_number(
    scene: Scene, check: str, table: str, day: str, told: dict[str, Any]
) -> None:
    (message,) = (one for one in scene.messages if f" {table}: {check} fails" in one["title"])
    name = "Larkspur & Vane Hotels" if table == "customers" else "The Lantern Prague"
    assert re.search(rf"^- {name}, {day}: (\w+ \d+, )*\w+ [1-9]", message["message"], re.MULTILINE)
    for number in (number for number, value in told.items() if isinstance(value, int)):
        assert f"{number} {told[number]}" in message["message"]


def test_nothing_else_is_told(scene: Scene) -> None:
    assert len(scene.messages) == len(CASES)


def test_nothing_else_is_caught(scene: Scene) -> None:
    """A capture's unknown fields are told of each partition it covers: which of them had it, nobody counted."""
    wanted = {(table, day) for _, table, day, _ in CASES} | {("bills", "2025-03-10")}
    assert set(scene.caught) == wanted
    assert {name for names in scene.summaries.values() for name in names} == {case[0] for case in CASES}


@pytest.mark.parametrize(
    ("table", "check"),
    [("payments", "required_present"), ("payments", "money_signs"), ("bills", "schema_drift")],
)
def test_the_newest_verdict_is_a_failure_where_any_partition_failed(
    scene: Scene, table: str, check: str
) -> None:
    """It is what the asset's page shows, whichever partition came last."""
    key = dg.AssetCheckKey(dg.AssetKey(["changes", table]), check)
    newest = scene.stage.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    assert newest[key].status.value == "FAILED"


def test_a_volume_names_what_is_usual(scene: Scene) -> None:
    told = scene.caught["ledger_entries", SPARSE_DAY]["volume_usual"]
    assert len(told["compared_with"]) == 3
    assert told["rows"] * 3 < told["usual_rows"]


def test_a_type_that_changed_fails_the_run_and_is_an_error_of_the_schema(scene: Scene) -> None:
    scene.run("bills", "2025-03-12")
    assert not scene.succeeded.pop("bills")
    scene.succeeded["bills"] = True
    caught = scene.caught.pop(("bills", "2025-03-12"))
    assert set(caught) == {"schema_drift"}
    (changed,) = caught["schema_drift"]["types_changed"]
    assert (changed["field"], changed["problem"]) == ("Number", "a number where a string must stand")


def test_a_verdict_turns_green_once_and_is_then_not_stored_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalog learns the new value, and the day is asked for again, twice."""
    key = scene.key("reservations", "2025-03-11")
    monkeypatch.setattr(catalog, "TABLES", tuple(_learnt(table) for table in catalog.TABLES))
    verdicts = []
    for _ in range(2):
        result = scene.stage.run("reservations", [key])
        verdicts.append(
            [
                (one.partition, one.passed)
                for event in result.all_events
                if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
                and (one := event.asset_check_evaluation_data).check_name == "enum_values_known"
            ]
        )
    assert verdicts == [[(key, True), (None, True)], [(None, True)]]


def _learnt(table: Table) -> Table:
    if table.name != "reservations":
        return table
    columns = tuple(
        replace(one, values=(*one.values, "Teleported")) if one.name == "State" else one
        for one in table.columns
    )
    return replace(table, columns=columns)
