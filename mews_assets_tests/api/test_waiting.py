"""Waiting for an export: what ends it, and that a deadline is no failure."""

from __future__ import annotations

from itertools import islice

import httpx
import pytest

from mews_assets.api import (
    Export,
    ExportExpiredError,
    ExportFailedError,
    ExportTimeoutError,
    MewsError,
    PermanentError,
    TransientError,
    wait_for_export,
)
from mews_assets.api.waiting import backoff_delays
from mews_assets_tests.api.stage import FakeClock, ScriptedMews, client_of, ok, refusal


def state(status: str) -> httpx.Response:
    return ok({"Exports": [{"Id": "e1", "Status": status, "EntityType": "Bill"}]})


def waited(mews: ScriptedMews, clock: FakeClock, deadline: float = 600) -> Export:
    client = client_of(mews, clock, max_tries=1)
    return wait_for_export(client, "e1", deadline_seconds=deadline, clock=clock, sleep=clock.sleep)


def test_an_export_is_waited_for_until_its_files_are_ready() -> None:
    clock = FakeClock()
    mews = ScriptedMews(state("Pending"), state("Processing"), state("Whatever"), state("Success"))
    assert waited(mews, clock).id == "e1"
    assert clock.naps == [1.0, 1.5, 2.25]


@pytest.mark.parametrize(("status", "kind"), [("Failed", ExportFailedError), ("Expired", ExportExpiredError)])
def test_an_export_that_will_never_be_ready_ends_the_wait(status: str, kind: type[MewsError]) -> None:
    with pytest.raises(kind, match="e1 of Bill") as caught:
        waited(ScriptedMews(state("Pending"), state(status)), FakeClock())
    assert "add the export again" in str(caught.value)


@pytest.mark.parametrize("status", ["Pending", "Processing", "Whatever"])
def test_the_deadline_is_no_failure_and_names_the_last_state(status: str) -> None:
    clock = FakeClock()
    with pytest.raises(ExportTimeoutError, match=f"100 s; its state: {status}") as caught:
        waited(ScriptedMews(state(status)), clock, deadline=100)
    assert isinstance(caught.value, TransientError) and caught.value.retryable
    assert "same export id" in str(caught.value)
    assert sum(clock.naps) == 100


def test_an_export_missing_in_the_answer_is_waited_for_within_the_deadline() -> None:
    with pytest.raises(ExportTimeoutError, match="not in Mews' answer"):
        waited(ScriptedMews(ok({"Exports": []})), FakeClock(), deadline=30)


def test_passing_trouble_does_not_end_the_wait() -> None:
    mews = ScriptedMews(refusal(503), httpx.ConnectError("refused"), state("Success"))
    assert waited(mews, FakeClock()).id == "e1"


def test_lasting_trouble_ends_at_the_deadline_and_is_named() -> None:
    with pytest.raises(ExportTimeoutError, match="the last poll failed"):
        waited(ScriptedMews(refusal(503, "Maintenance")), FakeClock(), deadline=30)


def test_polling_keeps_away_for_as_long_as_mews_asks() -> None:
    clock = FakeClock()
    mews = ScriptedMews(refusal(429, **{"Retry-After": "400"}), state("Success"))
    assert waited(mews, clock).id == "e1"
    assert clock.naps == [400]


def test_nobody_polls_again_when_mews_asks_to_keep_away_beyond_the_deadline() -> None:
    clock = FakeClock()
    mews = ScriptedMews(refusal(429, **{"Retry-After": "4000"}))
    with pytest.raises(ExportTimeoutError, match="4000 s"):
        waited(mews, clock)
    assert len(mews.requests) == 1 and clock.naps == []


def test_a_refusal_ends_the_wait_at_once() -> None:
    with pytest.raises(PermanentError):
        waited(ScriptedMews(refusal(401)), FakeClock())


def test_polls_come_from_every_second_to_every_minute_and_never_less_often() -> None:
    pauses = list(islice(backoff_delays(), 20))
    assert pauses[0] == 1 and pauses[-1] == 60
    assert pauses == sorted(pauses)


def test_no_poll_of_a_long_wait_is_more_than_a_minute_after_the_one_before_and_none_after_the_deadline() -> (
    None
):
    clock = FakeClock()
    with pytest.raises(ExportTimeoutError):
        waited(ScriptedMews(state("Pending")), clock, deadline=3590)
    assert max(clock.naps) == 60
    assert clock.naps.count(60) > 50
    assert sum(clock.naps) == 3590


def test_pauses_of_ones_own_may_end_early() -> None:
    clock = FakeClock()
    client = client_of(ScriptedMews(state("Pending"), state("Pending"), state("Success")), clock)
    wait_for_export(client, "e1", deadline_seconds=500, clock=clock, sleep=clock.sleep, poll_seconds=[5])
    assert clock.naps == [5, 60]


def test_a_long_wait_is_logged_at_most_once_a_minute_with_the_state(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = FakeClock()
    with pytest.raises(ExportTimeoutError):
        waited(ScriptedMews(state("Processing")), clock, deadline=200)
    told = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert 1 <= len(told) <= 3
    assert told[0].startswith("export e1: waiting, ") and told[0].endswith(" s, Processing")
