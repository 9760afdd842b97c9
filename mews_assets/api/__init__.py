"""HOW to ask Mews. No catalog, no lake, no Dagster.

Reading order:
    redaction  credentials that hide themselves, the redactor, the guard on the HTTP library's logs
    errors     what can go wrong, sorted by what the caller does next
    transport  requests over HTTP: where they may go, how fast, and answers read within bounds
    refusals   an answer that is an error, as an error of ours
    answers    one answer, every record in its exact bytes
    limits     how often a request or a download is tried, and how long it may take
    runtime    network, clocks, sleep and chance, as one value
    client     `MewsClient`: one connection; the only place where tokens meet a request
    pages      `Pages`: a paginated operation, read to its end
    exports    adding exports, and how far they are
    waiting    polling an export within a deadline
    links      the current addresses of an export's files
    file_download   one file of an export, checked and resumed
    download   all files of an export, side by side
"""

from mews_assets.api.answers import Answer
from mews_assets.api.client import MewsClient
from mews_assets.api.download import download_files
from mews_assets.api.errors import (
    ConnectionSettingError,
    DownloadError,
    ExportExpiredError,
    ExportFailedError,
    ExportInFlightError,
    ExportTimeoutError,
    ForbiddenError,
    MewsError,
    PermanentError,
    RepeatedCursorError,
    TooLargeError,
    TransientError,
    UnauthorizedError,
    UnreadableError,
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
from mews_assets.api.file_download import DownloadedFile
from mews_assets.api.limits import BRIEF_TIMEOUTS, DownloadLimits, RequestLimits
from mews_assets.api.pages import Page, Pages, read_page
from mews_assets.api.redaction import Credentials, redact
from mews_assets.api.runtime import Runtime
from mews_assets.api.transport.pacing import SlidingWindow
from mews_assets.api.waiting import ready_or_raise, wait_for_export

__all__ = [
    "BRIEF_TIMEOUTS",
    "Answer",
    "ConnectionSettingError",
    "Credentials",
    "DownloadError",
    "DownloadLimits",
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
    "PermanentError",
    "RepeatedCursorError",
    "RequestLimits",
    "Runtime",
    "SlidingWindow",
    "TooLargeError",
    "TransientError",
    "UnauthorizedError",
    "UnreadableError",
    "add_export",
    "classify",
    "download_files",
    "get_exports",
    "read_page",
    "ready_or_raise",
    "redact",
    "wait_for_export",
]
