"""Exports: added, Processing for a while, then files with links for ten minutes, expired after a week.

Lives here: the states of an export and its links. Not here: the checks of the request (`request_rules`) and the
sending of files (`application`). All times are the sandbox's clock, so a test can move it by a week.

An export shows the records as they are at the moment it becomes Success. Its files are written at the first
request after that moment; the store has every version, so they hold the records of that moment.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mews_assets.sandbox.clock import SECOND_US, Clock, write_micros
from mews_assets.sandbox.records.record_query import RecordQuery
from mews_assets.sandbox.records.store import Store
from mews_assets.sandbox.server.access_control import Access
from mews_assets.sandbox.server.request_rules import ExportOrder, Refusal, export_order, strings

LOG = logging.getLogger(__name__)

LINK_SECONDS = 600
"""A link works for 10 minutes after the answer that contains it (API reference, export file entry)."""
LIFE_SECONDS = 7 * 86_400
"""An export can be fetched for about a week (ExpiresUtc)."""
FILE_BYTES = 8_000_000
WRITE_WAIT_SECONDS = 1.0
"""How long an answer waits (real time) for files that are being written before it says Processing again."""

_FILE_NAME = re.compile(r"([0-9a-f-]{36})-(\d+)\.jsonl", re.ASCII)


@dataclass
class _Export:
    id: str
    owner: str
    order: ExportOrder
    question: RecordQuery
    made_us: int
    ready_us: int
    files: Future[list[Path]] | None = None

    @property
    def expires_us(self) -> int:
        return self.ready_us + LIFE_SECONDS * SECOND_US

    def status(self, now_us: int) -> str:
        if now_us >= self.expires_us:
            return "Expired"
        if self.files is not None and self.files.done():
            return "Failed" if self.files.exception() else "Success"
        return "Pending" if now_us < (self.made_us + self.ready_us) // 2 else "Processing"

    @property
    def paths(self) -> list[Path]:
        """The files written so far: all or none of them."""
        is_written = self.files is not None and self.files.done() and not self.files.exception()
        return self.files.result() if self.files and is_written else []

    def is_in_flight(self, now_us: int) -> bool:
        """Not before it was added: after a clock was set back it must not stay in flight for hours."""
        is_writing = self.files is not None and not self.files.done()
        return self.made_us <= now_us < self.ready_us or is_writing


class Exports:
    """All exports of one sandbox."""

    def __init__(
        self, store: Store, clock: Clock, folder: Path, *, seconds: float = 2.0, file_bytes: int = FILE_BYTES
    ) -> None:
        self._store, self._clock, self._folder = store, clock, folder
        self._length_us, self._file_bytes = round(seconds * SECOND_US), file_bytes
        self._secret = secrets.token_bytes(32)
        self._exports: dict[str, _Export] = {}
        self._lock = threading.Lock()
        self._writers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sandbox-export")
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, access: Access, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to exports/add."""
        self._check_right(access)
        now_us = self._clock.now_us()
        order = export_order(body, now_us)
        question = RecordQuery(
            order.entity,
            now_us + self._length_us,
            access.scopes(order.entity, order.scope_ids),
            unscoped=access.sees_everything,
            conditions=order.conditions,
        )
        export = _Export(str(uuid.uuid4()), access.name, order, question, now_us, now_us + self._length_us)
        with self._lock:
            for other in self._exports.values():
                if (other.owner, other.order.entity) == (access.name, order.entity) and other.is_in_flight(
                    now_us
                ):
                    message = f"An export of {order.entity} is already in progress."
                    raise Refusal(
                        400, message, "At most one export per entity type may be Pending or Processing."
                    )
            self._exports[export.id] = export
        return {"Export": self._show(export, now_us, "", is_new=True)}

    def get(self, access: Access, body: Mapping[str, Any], address: str) -> dict[str, Any]:
        """The answer to exports/getAll; ids that this token does not know are omitted."""
        self._check_right(access)
        ids = strings(body, "ExportIds", required=True) or ()
        found = [self._exports.get(one.lower()) for one in dict.fromkeys(ids)]
        mine = [export for export in found if export and export.owner == access.name]
        now_us = self._clock.now_us()
        with self._lock:
            writing = [files for export in mine if (files := self._start(export, now_us))]
        wait(writing, WRITE_WAIT_SECONDS)
        return {"Exports": [self._show(export, now_us, address) for export in mine]}

    def open(self, name: str, query: Mapping[str, str]) -> tuple[Path, str]:
        """The file behind a link, and the name of the token it is for. An expired or wrong link is refused."""
        refusal = Refusal(403, "The link is not valid.", "It has expired, or its signature is wrong.")
        parts = _FILE_NAME.fullmatch(name)
        expires = query.get("expires", "")
        if not parts or not hmac.compare_digest(self._sign(name, expires), query.get("signature", "")):
            raise refusal
        export, now_us = self._exports[parts[1]], self._clock.now_us()
        if now_us > int(expires) or export.status(now_us) != "Success":
            raise refusal
        return self._folder / name, export.owner

    def close(self) -> None:
        self._writers.shutdown(wait=True, cancel_futures=True)

    def _check_right(self, access: Access) -> None:
        if not access.may_export:
            raise Refusal(401, "Unauthorized.", "This access token has no right to exports.")

    def _start(self, export: _Export, now_us: int) -> Future[list[Path]] | None:
        if export.files is None and export.ready_us <= now_us < export.expires_us:
            export.files = self._writers.submit(self._write, export)
        return export.files

    def _write(self, export: _Export) -> list[Path]:
        """The files of an export: whole lines, as many per file as fit; none when there is no record."""
        paths: list[Path] = []
        records = self._store.records(export.question)
        try:
            for number, lines in enumerate(_filled(records, self._file_bytes), 1):
                paths.append(self._folder / f"{export.id}-{number}.jsonl")
                with paths[-1].open("wb") as file:
                    file.writelines(lines)
        except Exception:
            LOG.exception("writing the files of export %s failed; its status will be Failed", export.id)
            raise
        return paths

    def _show(self, export: _Export, now_us: int, address: str, *, is_new: bool = False) -> dict[str, Any]:
        status = "Pending" if is_new else export.status(now_us)
        if status == "Expired":
            for path in export.paths:
                path.unlink(missing_ok=True)
        return {
            "Id": export.id,
            "Status": status,
            "EntityType": export.order.entity,
            "Scope": export.order.scope,
            "Files": [self._entry(path, now_us, address) for path in export.paths]
            if status == "Success"
            else [],
            "ExpiresUtc": write_micros(export.expires_us) if status in ("Success", "Expired") else None,
            "Filters": export.order.filters,
        }

    def _entry(self, path: Path, now_us: int, address: str) -> dict[str, Any]:
        expires = str(now_us + LINK_SECONDS * SECOND_US)
        url = f"{address}/files/{path.name}?expires={expires}&signature={self._sign(path.name, expires)}"
        return {"Url": url, "SizeInBytes": path.stat().st_size}

    def _sign(self, name: str, expires: str) -> str:
        return hmac.new(self._secret, f"{name} {expires}".encode(), "sha256").hexdigest()


def _filled(records: Iterator[bytes], file_bytes: int) -> Iterator[Iterator[bytes]]:
    """The records as lines, file by file: each file takes lines until the next would not fit, but at least one.

    Each inner iterator must be used up before the next is asked for.
    """
    waiting = next(records, None)

    def lines() -> Iterator[bytes]:
        nonlocal waiting
        size = 0
        while waiting is not None and (size == 0 or size + len(waiting) + 1 <= file_bytes):
            size += len(waiting) + 1
            yield waiting
            yield b"\n"
            waiting = next(records, None)

    while waiting is not None:
        yield lines()
