"""Waiting: polling an export within a deadline.

Lives here: how often to poll, and what ends the wait. Not here: reading the state (`exports`).
Sensors do not wait: they call `exports.get_exports` once per tick.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from mews_assets.api.client import MewsClient
from mews_assets.api.errors import ExportExpiredError, ExportFailedError, ExportTimeoutError, TransientError
from mews_assets.api.exports import GET, Export, Next, get_exports

log = logging.getLogger(__name__)

POLL_FIRST_SECONDS = 1.0
POLL_LAST_SECONDS = 60.0
"""Mews suggests 5 minutes between polls and allows 200 requests in 30 s; small exports end within seconds."""
LOG_SECONDS = 60.0
"""Between two lines of the log that say that an export is still waited for."""


def backoff_delays(
    first: float = POLL_FIRST_SECONDS, last: float = POLL_LAST_SECONDS, factor: float = 1.5
) -> Iterator[float]:
    """Pauses in seconds, each longer than the one before: short for small exports, up to `last` for large ones."""
    while True:
        yield min(first, last)
        first *= factor


def wait_for_export(
    client: MewsClient,
    export_id: str,
    *,
    deadline_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    poll_seconds: Iterable[float] | None = None,
    log_level: int = logging.INFO,
) -> Export:
    """The export once its files are ready.

    Raises ExportFailedError or ExportExpiredError if they never will be, ExportTimeoutError at the deadline. After a
    TransientError of a poll, polling goes on until the deadline too. A long wait is logged, at most once a minute.
    """
    began = logged = clock()
    until = began + deadline_seconds
    pauses = iter(backoff_delays() if poll_seconds is None else poll_seconds)
    while True:
        state, asked = "not in Mews' answer", 0.0
        try:
            export = get_exports(client, [export_id])[export_id]
        except TransientError as error:
            log.warning("export %s: %s Polling goes on.", export_id, error.message)
            state = f"unknown, for the last poll failed ({error.message})"
            asked = error.retry_after_seconds or 0.0
        else:
            if export is not None and ready_or_raise(client, export):
                return export
            state = export.status_text if export else state
        now = clock()
        if now - logged >= LOG_SECONDS:
            logged = now
            log.log(log_level, "export %s: waiting, %.0f s, %s", export_id, now - began, state)
        left = until - now
        if left <= 0 or asked > left:
            raise ExportTimeoutError(
                f"export {export_id} was not ready within {deadline_seconds:.0f} s; its state: {state}.",
                operation=GET,
                connection=client.connection,
            )
        sleep(max(asked, min(next(pauses, POLL_LAST_SECONDS), left)))


def ready_or_raise(client: MewsClient, export: Export) -> bool:
    """Whether the files are ready. Raises ExportFailedError or ExportExpiredError if they never will be."""
    if export.next in (Next.WAIT, Next.READY):
        return export.next is Next.READY
    kind, reason = {
        Next.FAILED: (ExportFailedError, "failed at Mews"),
        Next.EXPIRED: (ExportExpiredError, "has expired, and its files with it"),
    }[export.next]
    raise kind(
        f"export {export.id} of {export.entity_type} {reason}.", operation=GET, connection=client.connection
    )
