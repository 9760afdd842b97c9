"""Waiting: polling an export within a deadline.

Lives here: how often to poll, what ends the wait. Not here: asking for the state (`exports`).
A run that need not hold a process asks `exports.get_exports` from a sensor instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from mews_assets.api.client import MewsClient
from mews_assets.api.errors import ExportExpiredError, ExportFailedError, ExportTimeoutError, TransientError
from mews_assets.api.exports import GET, Export, Next, get_exports

log = logging.getLogger(__name__)

POLL_FIRST_SECONDS = 0.5
POLL_LAST_SECONDS = 60.0
"""Mews suggests 5 minutes between polls and allows 200 requests in 30 s; small exports end within seconds."""


def backoff_delays(
    first: float = POLL_FIRST_SECONDS, last: float = POLL_LAST_SECONDS, factor: float = 1.5
) -> Iterator[float]:
    """Pauses between polls: short for small exports, longer for those that take their time."""
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
) -> Export:
    """The export once its files are ready.

    Raises ExportFailedError or ExportExpiredError when it never will be, ExportTimeoutError at the deadline.
    Trouble on the way to Mews is waited out until the deadline too.
    """
    until = clock() + deadline_seconds
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
        left = until - clock()
        if left <= 0 or asked > left:
            raise ExportTimeoutError(
                f"export {export_id} was not ready within {deadline_seconds:.0f} s; its state: {state}.",
                operation=GET,
                connection=client.connection,
            )
        sleep(max(asked, min(next(pauses, POLL_LAST_SECONDS), left)))


def ready_or_raise(client: MewsClient, export: Export) -> bool:
    """Whether the files are ready. Raises when they never will be."""
    if export.next in (Next.WAIT, Next.READY):
        return export.next is Next.READY
    kind, what = {
        Next.FAILED: (ExportFailedError, "failed at Mews"),
        Next.EXPIRED: (ExportExpiredError, "has expired, and its files with it"),
    }[export.next]
    raise kind(
        f"export {export.id} of {export.entity_type} {what}.", operation=GET, connection=client.connection
    )
