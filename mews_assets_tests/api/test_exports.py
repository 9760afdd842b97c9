"""Exports: what is asked, how an answer is read, what each status asks of us."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mews_assets.api import (
    Export,
    ExportFile,
    ExportInFlightError,
    ExportStatus,
    Next,
    PermanentError,
    add_export,
    classify,
    get_exports,
)
from mews_assets.windows import Window
from mews_assets_tests.api.stage import SIGNATURE, ScriptedMews, client_of, ok, refusal

DAY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def record(export_id: str = "e1", status: str = "Pending", **more: Any) -> dict[str, Any]:
    return {"Id": export_id, "Status": status, "EntityType": "OrderItem", "Files": [], **more}


def added(**more: Any) -> tuple[Export, dict[str, Any]]:
    mews = ScriptedMews(ok({"Export": record()}))
    export = add_export(client_of(mews), "OrderItem", **more)
    asked = {k: v for k, v in mews.bodies[0].items() if k not in ("ClientToken", "AccessToken", "Client")}
    return export, asked


def test_an_export_of_everything_names_only_the_entity_type() -> None:
    assert added()[1] == {"EntityType": "OrderItem"}


def test_an_export_of_a_window_names_both_its_ends() -> None:
    assert added(enterprise_ids=("a", "b"), updated=DAY)[1] == {
        "EntityType": "OrderItem",
        "Scope": {"EnterpriseIds": ["a", "b"]},
        "Filters": {"UpdatedUtc": {"StartUtc": "2026-01-01T00:00:00Z", "EndUtc": "2026-01-02T00:00:00Z"}},
    }


def test_ledger_entries_are_asked_for_by_their_posting_days() -> None:
    assert added(posting=("2026-01-01", "2026-01-31"))[1]["Filters"] == {
        "LedgerEntryFilters": {"Posting": {"Start": "2026-01-01", "End": "2026-01-31"}}
    }


def test_chains_are_a_scope_of_their_own() -> None:
    assert added(chain_ids=["c"])[1]["Scope"] == {"ChainIds": ["c"]}


@pytest.mark.parametrize("ids", [[], [str(n) for n in range(1001)]])
def test_an_empty_or_overlong_scope_is_refused_before_it_is_sent(ids: list[str]) -> None:
    with pytest.raises(ValueError, match="1 to 1000 EnterpriseIds"):
        added(enterprise_ids=ids)


def test_two_filters_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="not by both"):
        added(updated=DAY, posting=("2026-01-01", "2026-01-31"))


@pytest.mark.parametrize(
    "message",
    [
        "An export of OrderItem is already in progress.",
        "Export with status Pending or Processing exists for the same entity type.",
        "Another export is still running",
    ],
)
def test_an_export_in_flight_means_wait(message: str) -> None:
    with pytest.raises(ExportInFlightError) as caught:
        add_export(client_of(ScriptedMews(refusal(400, message))), "OrderItem")
    assert caught.value.retryable and caught.value.status == 400
    assert message in str(caught.value) and caught.value.request_id == "req-body"


def test_an_export_in_flight_may_be_told_in_the_details_only() -> None:
    said = {"Message": "Rejected.", "Details": "One is Pending for this entity type."}
    with pytest.raises(ExportInFlightError):
        add_export(client_of(ScriptedMews(httpx.Response(400, json=said))), "OrderItem")


@pytest.mark.parametrize("message", ["Invalid EntityType", "Invalid Filters.UpdatedUtc: too long"])
def test_any_other_400_is_a_bug_and_means_stop(message: str) -> None:
    with pytest.raises(PermanentError) as caught:
        add_export(client_of(ScriptedMews(refusal(400, message))), "OrderItem")
    assert not caught.value.retryable


def test_the_words_of_an_export_in_flight_mean_nothing_in_other_answers() -> None:
    with pytest.raises(PermanentError):
        get_exports(client_of(ScriptedMews(refusal(400, "already pending"))), ["e1"])
    with pytest.raises(PermanentError):
        add_export(client_of(ScriptedMews(refusal(403, "already pending"))), "OrderItem")


def test_an_export_is_read_whole() -> None:
    sent = record(
        status="Success",
        Scope={"EnterpriseIds": ["h1"], "ChainIds": None},
        Files=[{"Url": f"https://files.example/1.jsonl?sig={SIGNATURE}", "SizeInBytes": 12}],
        ExpiresUtc="2026-01-09T11:42:28.1234567Z",
        Filters={"UpdatedUtc": {"StartUtc": "x", "EndUtc": "y"}},
        Novelty={"new": True},
    )
    export = get_exports(client_of(ScriptedMews(ok({"Exports": [sent]}))), ["e1"])["e1"]
    assert export == Export(
        id="e1",
        status=ExportStatus.SUCCESS,
        entity_type="OrderItem",
        files=(ExportFile(f"https://files.example/1.jsonl?sig={SIGNATURE}", 12),),
        expires_utc=datetime(2026, 1, 9, 11, 42, 28, 123456, tzinfo=UTC),
        enterprise_ids=("h1",),
        chain_ids=None,
        filters={"UpdatedUtc": {"StartUtc": "x", "EndUtc": "y"}},
        status_text="Success",
    )
    assert export is not None and export.size_bytes == 12 and export.next is Next.READY
    assert SIGNATURE not in repr(export) and "https://files.example/1.jsonl" in repr(export)


@pytest.mark.parametrize(
    "sent",
    [
        {"Id": "e1", "Status": "Pending"},
        {"Id": "e1", "Status": "Pending", "Scope": None, "Files": None, "ExpiresUtc": None, "Filters": None},
        {"Id": "e1", "Status": "Pending", "Scope": [], "ExpiresUtc": "soon", "Filters": "none"},
    ],
)
def test_all_but_id_and_status_may_be_missing_or_strange(sent: dict[str, Any]) -> None:
    export = get_exports(client_of(ScriptedMews(ok({"Exports": [sent]}))), ["e1"])["e1"]
    assert export == Export("e1", ExportStatus.PENDING, None, status_text="Pending")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"Exports": None},
        {"Exports": {}},
        {"Exports": [7]},
        {"Exports": [{"Id": "e1"}]},
        {"Exports": [{"Status": "Pending"}]},
        {"Exports": [record(Files={"Url": "x"})]},
        {"Exports": [record(Files=[{"Url": "https://x.example"}])]},
        {"Exports": [record(Files=[{"SizeInBytes": 7}])]},
        {"Exports": [record(Files=[{"Url": "https://x.example", "SizeInBytes": "7"}])]},
        {"Exports": [record(Files=[{"Url": "https://x.example", "SizeInBytes": -7}])]},
    ],
)
def test_an_answer_without_the_exports_is_unreadable(sent: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="cannot be read"):
        get_exports(client_of(ScriptedMews(ok(sent))), ["e1"])


@pytest.mark.parametrize("text", ["Paused", "success", "unknown", ""])
def test_a_status_never_heard_of_means_not_yet(text: str) -> None:
    export = get_exports(client_of(ScriptedMews(ok({"Exports": [record(status=text)]}))), ["e1"])["e1"]
    assert export is not None
    assert export.status is ExportStatus.UNKNOWN and export.next is Next.WAIT
    assert export.status_text == text


def test_every_status_has_its_next_step() -> None:
    assert {status: classify(status) for status in ExportStatus} == {
        ExportStatus.PENDING: Next.WAIT,
        ExportStatus.PROCESSING: Next.WAIT,
        ExportStatus.SUCCESS: Next.READY,
        ExportStatus.FAILED: Next.FAILED,
        ExportStatus.EXPIRED: Next.EXPIRED,
        ExportStatus.UNKNOWN: Next.WAIT,
    }


def test_an_id_that_mews_leaves_out_is_reported_not_dropped() -> None:
    mews = ScriptedMews(ok({"Exports": [record("B")]}))
    found = get_exports(client_of(mews), ["a", "b", "a"])
    assert list(found) == ["a", "b"]
    assert found["a"] is None and found["b"] is not None
    assert mews.bodies[0]["ExportIds"] == ["a", "b"]


def test_many_ids_are_asked_for_a_thousand_at_a_time() -> None:
    mews = ScriptedMews(ok({"Exports": []}))
    assert len(get_exports(client_of(mews), (str(n) for n in range(2500)))) == 2500
    assert [len(body["ExportIds"]) for body in mews.bodies] == [1000, 1000, 500]


def test_no_ids_cost_no_request() -> None:
    mews = ScriptedMews(ok({"Exports": []}))
    assert get_exports(client_of(mews), []) == {}
    assert not mews.requests
