"""What can go wrong when asking Mews, sorted by what the caller does next.

Lives here: the tree of errors, each with its facts as attributes and a message that says what was tried, on
what, and what to do next. Not here: telling one from another (`retry`, `client`, `exports`), waiting.

    MewsError
      TransientError          the same request may succeed later
        ExportInFlightError   an export of this entity type is pending; collect that one first
        ExportTimeoutError    our deadline passed; the export goes on at Mews and keeps its id
      TooLargeError           408, 413: ask for less
      PermanentError          asking again cannot help
        UnauthorizedError     401
        ForbiddenError        403
        UnreadableError       a good status, and no answer that can be understood; a run may try again
        RepeatedCursorError   paging would never end
        ConnectionSettingError  a variable for proxies or certificates cannot be used
      ExportFailedError       Mews gave up on this export; add a new one
      ExportExpiredError      the files are gone; add a new one
      DownloadError           a file did not arrive as announced; nothing of it was kept

`retryable` says whether repeating the work later can help without a person changing anything. Outer layers
follow it instead of guessing from the class.
"""

from __future__ import annotations

from typing import ClassVar

from mews_assets.api.secrets import drop_queries, printable

MAX_MESSAGE = 2000
"""Characters. What Mews says is cut before that; names of fields or exports in our own sentences are not."""
MAX_REQUEST_ID = 100
"""Characters; Mews' are UUIDs."""


class MewsError(Exception):
    """Anything that went wrong between us and Mews. `message` is Mews' own where Mews said something."""

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
        # Only the message becomes `args`: the rest travels in __dict__, so errors survive pickling.
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
    """Mews or the way to it is busy or broken. `retry_after_seconds` is what Mews asked for, if it did."""

    retryable = True
    next_step = "wait and run this again; nothing was lost."
    retry_after_seconds: float | None = None


class ExportInFlightError(TransientError):
    """Mews allows one pending export per entity type and access token, and one is there already."""

    next_step = (
        "wait for the pending export of this entity type to end, then add this one. It may be of another "
        "run, of another program with the same access token, or an earlier add whose answer got lost."
    )


class ExportTimeoutError(TransientError):
    """The export was not ready before the deadline. That is not a failure: the id stays good."""

    next_step = "run this again with the same export id; Mews goes on working on it."


class TooLargeError(MewsError):
    """The request was too heavy (408) or its body too large (413)."""

    next_step = "ask for less: fewer records per page, a shorter window, or fewer ids."


class PermanentError(MewsError):
    """Mews refused. The same request will meet the same answer."""


class UnauthorizedError(PermanentError):
    """401: a wrong or withdrawn token, or no right to this operation."""

    next_step = (
        "check the client token and the access token of this connection, and that the integration has been "
        "granted this operation."
    )


class ForbiddenError(PermanentError):
    """403: a rule of Mews' business logic says no; the message names it."""

    next_step = "read Mews' message; if it is unclear, ask Mews' support and give them the request id."


class ConnectionSettingError(PermanentError, ValueError):
    """A variable of the environment that all HTTP connections follow cannot be used. The message begins with it."""

    def __str__(self) -> str:
        return self.message


class UnreadableError(PermanentError):
    """An answer of a good status that cannot be understood, such as a proxy's page. Nothing was taken from it.

    The call does not ask again at once; the work may be repeated later, for what spoils an answer passes.
    """

    retryable = True
    next_step = "nothing was taken from it. If it stays so, give Mews' support the request id."


class RepeatedCursorError(PermanentError):
    """A page named a cursor that an earlier page had named: going on would never end."""

    next_step = (
        "ask Mews' support and give them the request id. No record of this pull was counted as complete."
    )


class ExportFailedError(MewsError):
    """Mews reports the export as Failed. A new export of the same may succeed."""

    retryable = True
    next_step = "forget this export id and add the export again."


class ExportExpiredError(MewsError):
    """The export's files are no longer kept (about a week after it was ready)."""

    retryable = True
    next_step = "forget this export id and add the export again."


class DownloadError(MewsError):
    """One export file could not be had as announced. `file` names it; the sizes are in bytes."""

    retryable = True
    next_step = "run the download again; nothing of this file was kept."
    file: str = ""
    expected_bytes: int | None = None
    actual_bytes: int | None = None
