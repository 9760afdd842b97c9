"""Checks: what each says of a partition that is right, and of one that is wrong in its own way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.defs.checks import CHECKS, Evidence, Verdict, checks_of, markdown
from mews_assets.defs.checks.contract import WITHHELD
from mews_assets.lake.changes.merge_result import MergedCapture, MergedPartition
from mews_assets.lake.changes.partition_writer import Restated
from mews_assets.lake.conversion.check_file import FileFindings, UnknownField
from mews_assets.lake.errors import RecordError
from mews_assets.lake.landing.manifests import LandedFile, Manifest
from mews_assets.lake.partition import Partition
from mews_assets.lake.quality.measures import Measures, Violation
from mews_assets.lake.quality.references import ReferenceResult
from mews_assets.lake.quality.volume import Volume
from mews_assets.windows import Window

DAY = Window(datetime(2025, 3, 8, tzinfo=UTC), datetime(2025, 3, 9, tzinfo=UTC))
GOOD = MergedPartition(Partition("hotel", DAY), "rows.parquet", 8, 4, Measures(10, 100, 0, 0, {}, DAY.start))
MANIFEST = Manifest(
    "c1", "payments", "default", ("hotel",), DAY, DAY.end, {}, (LandedFile("part", 10, 99, "", 9),)
)
CAPTURE = MergedCapture(MANIFEST, FileFindings(), rows_assigned=8, edge_rows=2, unexplained=0)
EVIDENCE = Evidence(catalog.table("payments"), GOOD.partition, GOOD, (CAPTURE,))
JUDGES = {check.name: check.judge for check in CHECKS}
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def measured(**changes: object) -> Evidence:
    """A partition of which this was counted."""
    merged = replace(GOOD, measures=replace(GOOD.measures, **changes))  # type: ignore[arg-type]
    return replace(EVIDENCE, merged=merged)


def captured(**changes: object) -> Evidence:
    """A partition from a capture of which this is known."""
    return replace(EVIDENCE, captures=(replace(CAPTURE, **changes),))  # type: ignore[arg-type]


def restated(count: int) -> Evidence:
    shown = [("a", DAY.start)] * count
    return replace(EVIDENCE, merged=replace(GOOD, restated=Restated(count, shown)))


def broken(rule: str, *places: Violation) -> Evidence:
    return measured(broken={rule: places}, worst={rule: ({"id": "a"},)})


def failing(evidence: Evidence) -> dict[str, Verdict]:
    verdicts = {name: judge(evidence) for name, judge in JUDGES.items()}
    return {name: verdict for name, verdict in verdicts.items() if not verdict.passed}


def test_there_are_thirteen_checks_and_each_says_why_it_is_as_grave_as_it_is() -> None:
    assert list(JUDGES) == [
        "key_unique",
        "required_present",
        "rows_in_window",
        "rows_reconciled",
        "versions_stable",
        "enum_values_known",
        "schema_drift",
        "amounts_add_up",
        "ledger_balances",
        "money_signs",
        "currencies_known",
        "references_resolve",
        "volume_usual",
        "late_rows",
    ]
    for check in CHECKS:
        assert f"{check.severity.value}" in check.description
        assert ("Blocking" in check.description) == check.blocking


def test_what_holds_back_others_is_what_they_would_sum_up_wrongly() -> None:
    assert [check.name for check in CHECKS if check.blocking] == [
        "key_unique",
        "rows_reconciled",
        "ledger_balances",
    ]
    assert all(check.severity is ERROR for check in CHECKS if check.blocking)


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("order_items", {"ledger_balances"}),
        ("payments", {"ledger_balances"}),
        ("ledger_entries", {"amounts_add_up", "currencies_known"}),
        ("availability_blocks", {"amounts_add_up", "ledger_balances", "money_signs"}),
        (
            "outlet_bills",
            {"enum_values_known", "amounts_add_up", "ledger_balances", "money_signs", "currencies_known"},
        ),
    ],
)
def test_a_table_has_the_checks_that_its_columns_ask_for(name: str, without: set[str]) -> None:
    assert {check.name for check in checks_of(catalog.table(name))} == set(JUDGES) - without


def test_a_good_partition_passes_every_check() -> None:
    assert failing(EVIDENCE) == {}


@pytest.mark.parametrize(
    ("name", "evidence", "told"),
    [
        ("key_unique", measured(duplicate_keys=2), {"duplicate_keys": 2}),
        ("required_present", measured(missing={"currency": 3}), {"missing": {"currency": 3}}),
        ("rows_in_window", measured(rows_outside_window=1), {"rows_outside_window": 1}),
        ("rows_reconciled", measured(rows=13), {"repeats": -1}),
        ("versions_stable", restated(2), {"versions_restated": 2}),
        (
            "enum_values_known",
            broken("enums", Violation("state", 3, {"Lost": 2, "Found": 1})),
            {"rows_with_new_values": 3, "new_values": {"state": {"Lost": 2, "Found": 1}}},
        ),
        (
            "schema_drift",
            captured(findings=FileFindings(unknown={"Mood": UnknownField(7, "string")})),
            {"unknown_fields": {"Mood": {"records": 7, "type": "string"}}},
        ),
        ("amounts_add_up", broken("amounts", Violation("amount", 2)), {"by_column": {"amount": 2}}),
        ("ledger_balances", broken("balance", Violation("transactions", 4)), {"transactions_off": 4}),
        (
            "money_signs",
            broken("signs", Violation("amount", 1), Violation("amount", 1)),
            {"by_column": {"amount": 2}},
        ),
        (
            "currencies_known",
            broken("currencies", Violation("amount.currency", 5, {"EURO": 5})),
            {"unknown": {"amount.currency": {"EURO": 5}}},
        ),
        (
            "references_resolve",
            replace(EVIDENCE, references=(ReferenceResult("bill_id", "bills", 20, 6, ("b1",)),)),
            {"unresolved": {"bill_id": 6}},
        ),
        ("volume_usual", replace(EVIDENCE, volume=Volume(10, (90, 110, 100))), {"usual_rows": 100}),
    ],
)
def test_a_wrong_partition_fails_its_check_and_no_other(
    name: str, evidence: Evidence, told: dict[str, object]
) -> None:
    failed = failing(evidence)
    assert list(failed) == [name]
    assert told.items() <= failed[name].metadata.items()
    assert failed[name].at_fault > 0


@pytest.mark.parametrize(
    "changes", [{"rows_assigned": 7}, {"edge_rows": 3}, {"rows_assigned": 0, "edge_rows": 0}]
)
def test_a_line_that_went_nowhere_fails_the_partition(changes: dict[str, int]) -> None:
    verdict = JUDGES["rows_reconciled"](captured(**changes))
    assert not verdict.passed
    assert verdict.metadata["lines_unexplained"]
    assert verdict.worst[0]["capture"] == "c1"


def test_a_blank_line_is_no_row_lost() -> None:
    assert failing(captured(rows_assigned=7, findings=FileFindings(blank_lines=1))) == {}


def test_a_line_lost_in_another_hotels_capture_is_not_this_partitions_fault() -> None:
    assert failing(captured(manifest=replace(MANIFEST, scopes=("elsewhere",)), rows_assigned=0)) == {}


def test_a_new_value_of_a_personal_column_is_counted_and_not_shown() -> None:
    evidence = replace(
        broken("enums", Violation("title", 2, {"Mrs Smith of Room 7": 2})), table=catalog.table("customers")
    )
    (verdict,) = failing(evidence).values()
    assert verdict.metadata["new_values"] == {"title": {WITHHELD: 2}}
    assert "Smith" not in str(verdict)


def rejected(table: str, field: str | None, problem: str) -> Evidence:
    error = RecordError(table, "lake/landing/x/part-00001.jsonl.zst", 7, field, problem)
    return Evidence(catalog.table(table), GOOD.partition, rejected=(error,))


def test_a_capture_that_cannot_become_rows_is_an_error_that_names_field_and_line() -> None:
    verdict = JUDGES["schema_drift"](rejected("payments", "Amount.NetValue", "string 'x' where a number"))
    assert (verdict.passed, verdict.severity) == (False, ERROR)
    (changed,) = verdict.metadata["types_changed"]
    assert changed == {
        "field": "Amount.NetValue",
        "file": "part-00001.jsonl.zst",
        "line": 7,
        "problem": "string 'x' where a number",
    }


@pytest.mark.parametrize("field", ["Notes", "SomethingNew", "Email"])
def test_a_rejected_value_that_may_tell_who_a_guest_is_is_not_shown(field: str) -> None:
    verdict = JUDGES["schema_drift"](
        rejected("customers", field, "string 'Jane Doe' where a list must stand")
    )
    assert "Jane" not in str(verdict)
    assert field in str(verdict.metadata)


def test_a_required_field_that_is_in_no_row_is_gone_and_that_is_an_error() -> None:
    verdict = JUDGES["schema_drift"](measured(missing={"state": 10, "type": 9}))
    assert verdict.severity is ERROR
    assert verdict.metadata["required_fields_gone"] == ["state"]
    assert JUDGES["schema_drift"](measured(rows=0)).passed


@pytest.mark.parametrize(
    ("reference", "passes"),
    [
        (ReferenceResult("bill_id", "bills", 20, 5), True),
        (ReferenceResult("bill_id", "bills", 20, 6), False),
        (ReferenceResult("bill_id", "bills", 7, 7), True),  # too few to tell
        (ReferenceResult("bill_id", "bills", 20, 20, not_checked="not landed"), True),
        (ReferenceResult("bill_id", "outlet_bills", 900, 1, is_exact=True), False),
    ],
)
def test_a_share_of_references_may_be_missing_and_of_what_is_all_there_none(
    reference: ReferenceResult, passes: bool
) -> None:
    reference = replace(reference, examples=("b1",))
    assert JUDGES["references_resolve"](replace(EVIDENCE, references=(reference,))).passed == passes


def test_a_failing_verdict_shows_its_worst_as_a_small_table() -> None:
    rows: list[dict[str, Any]] = [{"id": "a|b", "off": 1.5}, {"id": "c\nd" + "x" * 100, "why": None}]
    lines = markdown(rows).value.splitlines()  # type: ignore[union-attr]
    assert lines[:3] == ["| id | off | why |", "|---|---|---|", "| a\\|b | 1.5 |  |"]
    assert len(lines) == 4 and len(lines[3]) < 80


def test_every_table_is_checked_for_what_its_rows_must_be() -> None:
    for table in catalog.TABLES:
        assert _names(table) >= set(list(JUDGES)[:4]) | {"schema_drift", "volume_usual"}


def _names(table: Table) -> set[str]:
    return {check.name for check in checks_of(table)}
