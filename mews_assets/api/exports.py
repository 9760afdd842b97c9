"""Exports: adding them at Mews, and reading their state.

Lives here: adding an export, reading its state, and what to do next in each state. Not here: waiting (`waiting`), the
files (`download`), saving export ids (`lake.landing.export_log`), planning exports (`ingest.plan`).

An export's id is the only handle on it; there is no listing. Save it as soon as `add_export` returns.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from mews_assets.api.answers import Answer
from mews_assets.api.client import MewsClient
from mews_assets.api.errors import ExportInFlightError, PermanentError
from mews_assets.api.redaction import drop_queries, printable
from mews_assets.api.transport.address import is_plain_id
from mews_assets.windows import Window, from_api, to_api

log = logging.getLogger(__name__)

ADD = "exports/add"
GET = "exports/getAll"

MAX_WORD = 100
"""Characters of a status or an entity type; Mews' longest has 22."""

MAX_IDS = 1000
"""Ids per request: ExportIds in exports/getAll, EnterpriseIds and ChainIds in exports/add."""


class ExportStatus(StrEnum):
    """Mews' words, and UNKNOWN for any other."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    SUCCESS = "Success"
    FAILED = "Failed"
    EXPIRED = "Expired"
    UNKNOWN = "unknown"


class Next(Enum):
    """What to do about an export."""

    WAIT = "wait"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


def classify(status: ExportStatus) -> Next:
    """What to do next in a status. Unknown means not ready: a deadline bounds the wait, and nothing is lost."""
    return {
        ExportStatus.SUCCESS: Next.READY,
        ExportStatus.FAILED: Next.FAILED,
        ExportStatus.EXPIRED: Next.EXPIRED,
    }.get(status, Next.WAIT)


@dataclass(frozen=True)
class ExportFile:
    """One file of JSON Lines. Anybody can use the link, for 10 minutes after the answer that contained it."""

    url: str
    size_bytes: int

    def __repr__(self) -> str:
        return f"ExportFile({drop_queries(self.url)!r}, size_bytes={self.size_bytes})"


@dataclass(frozen=True)
class Export:
    """One export as Mews last reported it.

    `status_text` is Mews' own word. `enterprise_ids` and `chain_ids` are None where Mews named none: an old
    version of the API leaves Scope and Filters out. `filters` is as Mews sent it.
    """

    id: str
    status: ExportStatus
    entity_type: str | None
    files: tuple[ExportFile, ...] = ()
    expires_utc: datetime | None = None
    enterprise_ids: tuple[str, ...] | None = None
    chain_ids: tuple[str, ...] | None = None
    filters: dict[str, Any] | None = field(default=None, hash=False)
    status_text: str = ""

    @property
    def next(self) -> Next:
        return classify(self.status)

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(file.size_bytes for file in self.files)


def read_export(record: Any) -> Export:
    """An export as Mews writes it; only Id and Status must be there. Raises ValueError otherwise."""
    if not isinstance(record, dict):
        raise ValueError("an export is no object")
    export_id, text = record.get("Id"), record.get("Status")
    if not isinstance(export_id, str) or not isinstance(text, str):
        raise ValueError("an export has no Id or no Status")
    if not is_plain_id(export_id):
        raise ValueError(f"an export has the Id {export_id[:120]!r}, which is no id")
    status = ExportStatus(text) if text in _KNOWN else ExportStatus.UNKNOWN
    if status is ExportStatus.UNKNOWN:
        text = printable(text, MAX_WORD)
        log.warning("export %s has the unknown status %r: taken as not ready yet", export_id, text)
    scope = _object(record.get("Scope")) or {}
    files = record.get("Files") or ()
    if not isinstance(files, list | tuple):
        raise ValueError(f"export {export_id} has Files that are no list")
    return Export(
        id=export_id,
        status=status,
        entity_type=_word(record.get("EntityType")),
        files=tuple(_read_file(export_id, file) for file in files),
        expires_utc=_instant(export_id, record.get("ExpiresUtc")),
        enterprise_ids=_ids(scope.get("EnterpriseIds")),
        chain_ids=_ids(scope.get("ChainIds")),
        filters=_object(record.get("Filters")),
        status_text=text,
    )


_KNOWN = {status.value for status in ExportStatus} - {ExportStatus.UNKNOWN.value}


def _read_file(export_id: str, record: Any) -> ExportFile:
    url = record.get("Url") if isinstance(record, dict) else None
    size = record.get("SizeInBytes") if isinstance(record, dict) else None
    if (
        not isinstance(url, str)
        or not isinstance(size, int)
        or isinstance(size, bool)
        or not 0 <= size < 1 << 63
    ):
        raise ValueError(f"export {export_id} has a file without Url or SizeInBytes")
    return ExportFile(url, size)


def _ids(found: Any) -> tuple[str, ...] | None:
    is_of_texts = isinstance(found, list) and all(isinstance(id, str) for id in found)
    return tuple(found) if is_of_texts else None


def _word(found: Any) -> str | None:
    return printable(found, MAX_WORD) if isinstance(found, str) else None


def _object(found: Any) -> dict[str, Any] | None:
    return found if isinstance(found, dict) else None


def _instant(export_id: str, text: Any) -> datetime | None:
    # An error here would lose the export's id; the date only says until when the files are kept.
    try:
        return from_api(text) if isinstance(text, str) else None
    except ValueError:
        shown = printable(text, MAX_WORD)
        log.warning("export %s expires at %r, which is no instant; the date is left out", export_id, shown)
        return None


def add_export(
    client: MewsClient,
    entity_type: str,
    *,
    enterprise_ids: Sequence[str] | None = None,
    chain_ids: Sequence[str] | None = None,
    updated: Window | None = None,
    posting: tuple[str, str] | None = None,
) -> Export:
    """Ask for an export. `posting` is the first and last day, both inclusive (see `windows.to_api_dates`).

    Without ids: all enterprises that the token sees. Without a window: all records. Raises ExportInFlightError when an
    export of this entity type is pending.
    """
    body: dict[str, Any] = {"EntityType": entity_type}
    if scope := _scope(entity_type, enterprise_ids, chain_ids):
        body["Scope"] = scope
    if filters := _filters(entity_type, updated, posting):
        body["Filters"] = filters
    try:
        answer = client.ask(ADD, body)
    except PermanentError as error:
        if not is_in_flight(error):
            raise
        refusal = error
    else:
        return _read(answer, answer.value("Export"))
    raise ExportInFlightError(
        f"no export of {entity_type} was added: {refusal.message}",
        operation=ADD,
        status=refusal.status,
        request_id=refusal.request_id,
        connection=client.connection,
    )


def _scope(
    entity_type: str, enterprise_ids: Sequence[str] | None, chain_ids: Sequence[str] | None
) -> dict[str, list[str]]:
    given = {"EnterpriseIds": enterprise_ids, "ChainIds": chain_ids}
    scope = {key: list(ids) for key, ids in given.items() if ids is not None}
    for key, ids in scope.items():
        # Mews could read an empty list as "all".
        if not 1 <= len(ids) <= MAX_IDS:
            raise ValueError(f"an export of {entity_type} takes 1 to {MAX_IDS} {key}, got {len(ids)}")
    return scope


def _filters(entity_type: str, updated: Window | None, posting: tuple[str, str] | None) -> dict[str, Any]:
    if updated and posting:
        raise ValueError(f"an export of {entity_type} is filtered by updated or by posting, not by both")
    if updated:
        return {"UpdatedUtc": {"StartUtc": to_api(updated.start), "EndUtc": to_api(updated.end)}}
    if posting:
        return {"LedgerEntryFilters": {"Posting": {"Start": posting[0], "End": posting[1]}}}
    return {}


# Mews documents this rule, but neither a code nor a message for it: so words of the rule are looked for.
_IN_FLIGHT = re.compile(
    r"\b(already|pending|processing|in[ -]progress|in[ -]flight|still running)\b", re.IGNORECASE
)


def is_in_flight(error: PermanentError) -> bool:
    """Whether exports/add was refused because an export of this entity type is pending."""
    return error.operation == ADD and error.status == 400 and bool(_IN_FLIGHT.search(error.message))


def get_exports(client: MewsClient, ids: Iterable[str]) -> dict[str, Export | None]:
    """The state of each export, in the order asked; None for an id that Mews' answer leaves out."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Export] = {}
    for at in range(0, len(wanted), MAX_IDS):
        answer = client.ask(GET, {"ExportIds": wanted[at : at + MAX_IDS]})
        records = answer.value("Exports")
        if not isinstance(records, list):
            raise answer.unreadable("Exports is no list")
        for record in records:
            export = _read(answer, record)
            found[export.id.lower()] = export
    return {export_id: found.get(export_id.lower()) for export_id in wanted}


def _read(answer: Answer, record: Any) -> Export:
    try:
        return read_export(record)
    except ValueError as error:
        problem = str(error)
    raise answer.unreadable(problem)
