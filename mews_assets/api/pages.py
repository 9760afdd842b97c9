"""Pages: reading a paginated operation to its end.

Lives here: the page cursor, the rule for the last page, the guard against endless paging, smaller pages after a 408.
Not here: shorter windows (the caller halves them when the smallest page is too heavy), writing records.

The newest page comes first. The answer's cursor is the id of its oldest record and asks for the next, older
page. Pages of one query are sequential.

A query ends with an empty page or with a null cursor, not with a page of fewer records than requested: a server may
send at most 500 records where 1,000 are requested, and all older records would be lost without an error. This takes
one more request per query, for the last page with records has a cursor too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mews_assets.api.answers import Answer
from mews_assets.api.client import MewsClient
from mews_assets.api.errors import RepeatedCursorError, TooLargeError

log = logging.getLogger(__name__)

MAX_COUNT = 1000
"""Limitation.Count is 1..1000 in every paginated operation."""

MIN_COUNT = 10
"""The smallest page requested after a 408. If that is too heavy, the window is too long, not the page."""


@dataclass(frozen=True)
class Page:
    """One answer: the records under each key, in Mews' order and bytes."""

    records: dict[str, list[bytes]] = field(repr=False)
    request_id: str | None


class Pages:
    """All pages of one query. Each iteration starts again at the newest page.

    `records_keys` are the answer's lists of records; the first of them is paginated.
    """

    def __init__(
        self,
        client: MewsClient,
        operation: str,
        records_keys: tuple[str, ...],
        body: Mapping[str, Any],
        count: int = MAX_COUNT,
    ) -> None:
        if not 1 <= count <= MAX_COUNT:
            raise ValueError(f"{operation}: a page holds 1 to {MAX_COUNT} records, got {count}")
        if not records_keys or isinstance(records_keys, str):
            raise ValueError(
                f"{operation}: name the answer's lists of records in a tuple, got {records_keys!r}"
            )
        if "Limitation" in body:
            raise ValueError(f"{operation}: the pages set Limitation themselves; leave it out")
        self._client = client
        self._operation = operation
        self._records_keys = records_keys
        self._body = dict(body)
        self._count = count

    def __iter__(self) -> Iterator[Page]:
        count, cursor, seen = self._count, None, set[str]()
        while True:
            try:
                answer = self._ask(count, cursor)
            except TooLargeError as error:
                if count <= MIN_COUNT or error.status == 413:  # the request's body is too large, not the page
                    raise
                count = max(MIN_COUNT, count // 2)
                log.info("%s Going on with %d records per page.", error, count)
                continue
            page = read_page(answer, self._records_keys)
            cursor = self._next_cursor(answer, page, count)
            if cursor is not None and cursor in seen:
                raise self._repeated(answer, cursor)
            yield page
            if cursor is None:
                return
            seen.add(cursor)

    def _ask(self, count: int, cursor: str | None) -> Answer:
        limitation: dict[str, Any] = {"Count": count}
        if cursor is not None:
            limitation["Cursor"] = cursor
        return self._client.ask(self._operation, {**self._body, "Limitation": limitation}, minimal=True)

    def _next_cursor(self, answer: Answer, page: Page, count: int) -> str | None:
        """The cursor of the next page, or None if this page is the last: an empty page, or a page without a cursor."""
        records = len(page.records[self._records_keys[0]])
        if not records:
            return None
        if records < count and "Cursor" not in answer.fields:  # left out for null; a full page must have it
            return None
        cursor = answer.value("Cursor")
        if cursor is None or (isinstance(cursor, str) and cursor):
            return cursor
        raise answer.unreadable(f"Cursor is neither null nor an id but {type(cursor).__name__}")

    def _repeated(self, answer: Answer, cursor: str) -> RepeatedCursorError:
        return RepeatedCursorError(
            f"the page cursor {cursor} came a second time.",
            operation=self._operation,
            status=answer.status,
            request_id=answer.request_id,
            connection=self._client.connection,
        )


def read_page(answer: Answer, records_keys: tuple[str, ...]) -> Page:
    """The records of an answer; also for operations without pages. A 204 is a page without records."""
    if answer.is_empty:
        return Page({key: [] for key in records_keys}, answer.request_id)
    return Page({key: answer.records(key) for key in records_keys}, answer.request_id)
