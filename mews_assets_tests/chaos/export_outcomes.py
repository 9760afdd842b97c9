"""How an export ends at Mews, decided when it is added.

Lives here: exports that fail, expire, stay pending past every deadline, vanish, or hold records twice.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from mews_assets.sandbox.clock import SECOND_US
from mews_assets.sandbox.server.exports import Exports
from mews_assets_tests.chaos.faults import EXPORT_OUTCOMES, Faults
from mews_assets_tests.chaos.history import DAY_US

STUCK_US = 30 * 3600 * SECOND_US
"""Longer than the deadline of a pending export, a day, and longer than any run waits."""


def decide(exports: Exports, export_id: str, faults: Faults) -> str:
    """Draw a fault for a new export. Returns its kind, or an empty text."""
    export: Any = exports._exports[export_id]
    kind, now = faults.draw(EXPORT_OUTCOMES), faults.now_us()
    if kind == "export fails":
        export.ready_us, export.files = now, Future()
        export.files.set_exception(RuntimeError("planned"))
    elif kind == "export expires":
        export.ready_us = now - 8 * DAY_US
    elif kind == "export is stuck":
        export.ready_us = now + STUCK_US
    elif kind == "export vanishes":
        export.owner = "gone"
    elif kind == "records twice in files":
        _write_twice(exports, export)
    return kind


def finish_stuck(exports: Exports, now_us: int) -> None:
    """Make stuck exports ready, with the records of this instant."""
    for export in exports._exports.values():
        if export.ready_us > now_us:
            export.ready_us, export.question = now_us, replace(export.question, at_us=now_us)


def _write_twice(exports: Any, export: Any) -> None:
    """Repeat the first file of the export as a further file."""
    real = exports._write

    def write(one: Any) -> list[Path]:
        paths: list[Path] = real(one)
        if paths and one.id == export.id:
            more = exports._folder / f"{one.id}-{len(paths) + 1}.jsonl"
            more.write_bytes(paths[0].read_bytes())
            paths.append(more)
        return paths

    exports._write = write
