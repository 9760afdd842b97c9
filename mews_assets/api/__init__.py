"""HOW to ask Mews. No catalog, no lake, no Dagster.

Reading order:
    errors      what can go wrong, sorted by what the caller does next
    secrets     credentials that hide themselves, the redactor, the guard on the HTTP library's logs
    address     where tokens and links may travel
    retry       what a status asks of us, and how long to wait (pure)
    pacing      staying under the request limit
    proxies     the way to a host, by the environment's variables
    transport   one request and its answer, within a bounded time
    bodies      what an answer holds, unpacked within a bound
    refusals    what an answer that is none says, as an error of ours
    answers     one answer, every record in its exact bytes
    client      `MewsClient`: one connection; the only place where tokens meet a request
    pages       `Pages`: a paginated operation, read to its end
    exports     adding exports, and how far they are
    waiting     polling an export within a deadline
    whereabouts which machines a link may lead to
    links       the current addresses of an export's files
    download    the files of an export, checked and resumed
"""

from mews_assets.api.answers import Answer
from mews_assets.api.client import MewsClient
from mews_assets.api.download import DownloadedFile, download_files
from mews_assets.api.errors import (
    ConnectionSettingError,
    DownloadError,
    ExportExpiredError,
    ExportFailedError,
    ExportInFlightError,
    ExportTimeoutError,
    ForbiddenError,
    MewsError,
    RepeatedCursorError,
    TooLargeError,
    PermanentError,
    UnauthorizedError,
    UnreadableError,
    TransientError,
)
from mews_assets.api.exports import (
    Export,
    ExportFile,
    ExportStatus,
    Next,
    add_export,
    classify,
    get_exports,
)
from mews_assets.api.pages import Page, Pages, read_page
from mews_assets.api.secrets import Credentials, redact
from mews_assets.api.transport.pacing import SlidingWindow
from mews_assets.api.waiting import ready_or_raise, wait_for_export

__all__ = [
    "Answer",
    "ConnectionSettingError",
    "Credentials",
    "DownloadError",
    "DownloadedFile",
    "Export",
    "ExportExpiredError",
    "ExportFailedError",
    "ExportFile",
    "ExportInFlightError",
    "ExportStatus",
    "ExportTimeoutError",
    "ForbiddenError",
    "MewsClient",
    "MewsError",
    "Next",
    "Page",
    "Pages",
    "RepeatedCursorError",
    "TooLargeError",
    "SlidingWindow",
    "PermanentError",
    "UnauthorizedError",
    "UnreadableError",
    "TransientError",
    "add_export",
    "classify",
    "download_files",
    "get_exports",
    "read_page",
    "ready_or_raise",
    "redact",
    "wait_for_export",
]
