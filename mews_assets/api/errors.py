"""Errors of requests to Mews, grouped by what the caller does next.

Lives here: the tree of errors, each with its facts as attributes and a message that says what was tried, on
what, and what to do next. Not here: which error is raised when (`transport.retry`, `client`, `exports`), waiting.

    MewsError
      TransientError          the same request may succeed later
        ExportInFlightError   an export of this entity type is pending; finish that first
        ExportTimeoutError    our deadline passed; the export goes on at Mews and keeps its id
      TooLargeError           408, 413: ask for less
      PermanentError          the same request will fail again
        UnauthorizedError     401
        ForbiddenError        403
        UnreadableError       a good status, but an answer that cannot be read; a later run may succeed
        RepeatedCursorError   paging would never end
        ConnectionSettingError  an environment variable for proxies or certificates cannot be used
      ExportFailedError       Mews reports the export as Failed; add a new export
      ExportExpiredError      the files are no longer kept; add a new export
      DownloadError           a file did not arrive as announced; nothing of it was kept

`retryable` says whether the same work can succeed later without a person changing anything. Outer layers use it
instead of the class.
"""

from __future__ import annotations

from typing import ClassVar

from mews_assets.api.redaction import drop_queries, printable

MAX_MESSAGE = 2000
"""Characters. Mews' own texts are cut shorter; this bounds names of fields or exports in our messages."""
MAX_REQUEST_ID = 100
"""Characters; Mews' are UUIDs."""


class MewsError(Exception):
    """Any error between us and Mews. `message` is Mews' own if Mews sent a message."""

    retryable: ClassVar[bool] = False
    next_step: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        status: int | None = None,
        request_id: str | None = None,
        connection: str = "",
        advice: str = "",
    ) -> None:
        # Only the message is in `args`: the rest is in __dict__, so errors survive pickling.
        self.message = printable(drop_queries(message), MAX_MESSAGE)
        super().__init__(self.message)
        self.operation = operation
        self.status = status
        self.request_id = printable(request_id, MAX_REQUEST_ID) if request_id else None
        self.connection = connection
        self.advice = advice or self.next_step

    def __str__(self) -> str:
        facts = [f"connection {self.connection}"] if self.connection else []
        if self.status is not None:
            facts.append(f"status {self.status}")
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        where = f"{self.operation or 'Mews'}{' (' + ', '.join(facts) + ')' if facts else ''}"
        return f"{where}: {self.message}" + (f" Next: {self.advice}" if self.advice else "")


class TransientError(MewsError):
    """Mews or the network is busy or broken. `retry_after_seconds` is Mews' Retry-After, if it sent one."""

    retryable = True
    next_step = "wait and run this again; nothing was lost."
    retry_after_seconds: float | None = None


class ExportInFlightError(TransientError):
    """Mews allows one pending export per entity type and access token, and there is one already."""

    next_step = (
        "wait for the pending export of this entity type to end, then add this export. It may be of another "
        "run, of another program with the same access token, or of an earlier add whose answer got lost."
    )


class ExportTimeoutError(TransientError):
    """The export was not ready before the deadline. It is not lost: its id stays valid."""

    next_step = "run this again with the same export id; Mews continues the export."


class TooLargeError(MewsError):
    """The request was too heavy (408) or its body too large (413)."""

    next_step = "ask for less: fewer records per page, a shorter window, or fewer ids."


class PermanentError(MewsError):
    """Mews refused the request. The same request will be refused again."""


class UnauthorizedError(PermanentError):
    """401: a wrong or withdrawn token, or no right to this operation."""

    next_step = (
        "check the client token and the access token of this connection, and that the integration has been "
        "granted this operation."
    )


class ForbiddenError(PermanentError):
    """403: a rule of Mews' business logic forbids it; the message names the rule."""

    next_step = "read Mews' message; if it is unclear, ask Mews' support and give them the request id."


class ConnectionSettingError(PermanentError, ValueError):
    """An environment variable for all HTTP connections cannot be used. The message begins with its name."""

    def __str__(self) -> str:
        return self.message


class UnreadableError(PermanentError):
    """An answer with a good status that cannot be read, such as a proxy's page. None of it was used.

    The call is not tried again at once; the work may be repeated later, for the cause is often temporary.
    """

    retryable = True
    next_step = "none of it was used. If it happens again, give Mews' support the request id."


class RepeatedCursorError(PermanentError):
    """A page has the cursor of an earlier page: paging would never end."""

    next_step = (
        "ask Mews' support and give them the request id. No record of this pull was counted as complete."
    )


class ExportFailedError(MewsError):
    """Mews reports the export as Failed. A new export of the same records may succeed."""

    retryable = True
    next_step = "drop this export id and add the export again."


class ExportExpiredError(MewsError):
    """The export's files are no longer kept (about a week after it was ready)."""

    retryable = True
    next_step = "drop this export id and add the export again."


class DownloadError(MewsError):
    """One export file could not be downloaded as announced. `file` is its name; the sizes are in bytes."""

    retryable = True
    next_step = "run the download again; nothing of this file was kept."
    file: str = ""
    expected_bytes: int | None = None
    actual_bytes: int | None = None
