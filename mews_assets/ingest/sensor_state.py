"""The state that a sensor keeps between ticks: pending exports and failures, as JSON in its cursor.

Lives here: writing and reading it. Not here: what is decided from it (`pending_exports`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from mews_assets.ingest.pending_exports import ExportFailure, ExportRequest, PendingExport
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.windows import Window


class _StoredRequest(msgspec.Struct):
    connection: str
    scopes: tuple[str, ...]
    start_utc: datetime
    end_utc: datetime

    @property
    def request(self) -> ExportRequest:
        return ExportRequest(self.connection, self.scopes, Window(self.start_utc, self.end_utc))


class _StoredExport(_StoredRequest, kw_only=True):
    export: str
    table: str
    asked_at: datetime
    asked_by: str
    runs: int
    again_at: datetime | None = None

    @property
    def pending(self) -> PendingExport:
        request = self.request
        export = LoggedExport(
            self.export,
            request.connection,
            self.table,
            request.scopes,
            request.window,
            self.asked_at,
            self.asked_by,
        )
        return PendingExport(export, self.runs, self.again_at)


class _StoredFailure(_StoredRequest, kw_only=True):
    failures: int
    until: datetime
    reason: str
    given_up: bool

    @property
    def failure(self) -> ExportFailure:
        return ExportFailure(self.request, self.failures, self.until, self.reason, self.given_up)


class _State(msgspec.Struct):
    """The names are those of earlier versions: their cursors must still be read."""

    flights: list[_StoredExport] = []
    troubles: list[_StoredFailure] = []


def to_state(pending: Iterable[PendingExport], failures: Iterable[ExportFailure]) -> dict[str, Any]:
    """What a sensor keeps between ticks, ready for JSON."""
    state = _State(
        [
            _StoredExport(
                *_fields(export.request),
                export=export.export.id,
                table=export.export.table,
                asked_at=export.export.asked_at,
                asked_by=export.export.asked_by,
                runs=export.runs,
                again_at=export.again_at,
            )
            for export in pending
        ],
        [
            _StoredFailure(
                *_fields(failure.request),
                failures=failure.failures,
                until=failure.until,
                reason=failure.reason,
                given_up=failure.given_up,
            )
            for failure in failures
        ],
    )
    return _to_builtins(state)


def from_state(state: Mapping[str, Any]) -> tuple[list[PendingExport], list[ExportFailure]]:
    """The pending exports and the failures of a state. Raises msgspec.ValidationError where it cannot be read."""
    stored = msgspec.convert(state, _State)
    return [stored_export.pending for stored_export in stored.flights], [
        stored_failure.failure for stored_failure in stored.troubles
    ]


def request_json(request: ExportRequest) -> dict[str, Any]:
    """A request, ready for JSON."""
    return _to_builtins(_StoredRequest(*_fields(request)))


def _to_builtins(value: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def _fields(request: ExportRequest) -> tuple[str, tuple[str, ...], datetime, datetime]:
    return request.connection, request.scopes, request.window.start, request.window.end
