"""What a sensor keeps in its cursor comes back as it was, also from a cursor of an earlier version."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mews_assets.api.exports import Next
from mews_assets.ingest.pending_exports import ExportFailure, PendingExport, RunState
from mews_assets.ingest.sensor_state import from_state, to_state
from mews_assets_tests.ingest.made_exports import NOW, flight, flights, window


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(given_flights=flights(), failures=st.integers(1, 5), given_up=st.booleans())
def test_state_comes_back_from_a_cursor_as_it_went_in(
    given_flights: list[tuple[PendingExport, RunState, Next | None]], failures: int, given_up: bool
) -> None:
    under_way = [replace(one, export=replace(one.export, asked_by="run")) for one, _, _ in given_flights]
    troubles = [ExportFailure(flight().request, failures, NOW, "it expired", given_up)]
    assert from_state(json.loads(json.dumps(to_state(under_way, troubles)))) == (under_way, troubles)


def test_an_empty_cursor_is_no_flight_and_no_trouble() -> None:
    assert from_state({}) == ([], [])


BEFORE = """{
 "seen": "a run",
 "flights": [{"export": "x", "table": "order_items", "asked_at": "2026-03-10T12:00:00.5Z", "asked_by": "", "runs": 1,
  "again_at": null, "connection": "one", "scopes": ["a", "b"], "start_utc": "2026-01-01T00:00:00Z",
  "end_utc": "2026-01-11T00:00:00Z"}],
 "troubles": [{"failures": 2, "until": "2026-03-10T12:00:00Z", "reason": "it expired", "given_up": true,
  "connection": "one", "scopes": ["a", "b"], "start_utc": "2026-01-01T00:00:00Z",
  "end_utc": "2026-01-11T00:00:00Z"}]
}"""


def test_a_cursor_that_an_earlier_version_wrote_is_read() -> None:
    pending, failures = from_state(json.loads(BEFORE))
    assert pending[0].export.asked_at == NOW + timedelta(milliseconds=500)
    assert (pending[0].request, pending[0].runs, pending[0].again_at) == (flight().request, 1, None)
    assert failures == [ExportFailure(flight().request, 2, NOW, "it expired", True)]
    assert failures[0].request.window == window()


@pytest.mark.parametrize(
    "change", [{"export": 7}, {"scopes": "ab"}, {"start_utc": "yesterday"}, {"runs": None}]
)
def test_a_cursor_that_cannot_be_read_is_an_error_and_not_empty(change: dict[str, object]) -> None:
    state = json.loads(BEFORE)
    state["flights"][0].update(change)
    with pytest.raises(msgspec.ValidationError):
        from_state(state)
