"""What becomes of an export at Mews, decided the moment it is asked for.

Lives here: exports that fail, expire, stay pending past every deadline, vanish, or hold records twice.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from mews_assets.sandbox.clock import SECOND_US
from mews_assets.sandbox.server.exports import Exports
from mews_assets_tests.chaos.weather import FATES, Weather
from mews_assets_tests.chaos.world import DAY_US

STUCK_US = 30 * 3600 * SECOND_US
"""Longer than a flight's deadline of a day, and than any run waits."""


def decide(exports: Exports, export_id: str, weather: Weather) -> str:
    """Let the weather strike a new export; gives the fate, or nothing."""
    export: Any = exports._exports[export_id]
    fate, now = weather.strike(FATES), weather.now_us()
    if fate == "export fails":
        export.ready_us, export.files = now, Future()
        export.files.set_exception(RuntimeError("planned"))
    elif fate == "export expires":
        export.ready_us = now - 8 * DAY_US
    elif fate == "export is stuck":
        export.ready_us = now + STUCK_US
    elif fate == "export vanishes":
        export.owner = "gone"
    elif fate == "records twice in files":
        _write_twice(exports, export)
    return fate


def release(exports: Exports, now_us: int) -> None:
    """What is stuck is ready now, and shows what there is now."""
    for export in exports._exports.values():
        if export.ready_us > now_us:
            export.ready_us, export.question = now_us, replace(export.question, at_us=now_us)


def _write_twice(exports: Any, export: Any) -> None:
    """Some of the records come again in a further file."""
    real = exports._write

    def write(one: Any) -> list[Path]:
        paths: list[Path] = real(one)
        if paths and one.id == export.id:
            more = exports._folder / f"{one.id}-{len(paths) + 1}.jsonl"
            more.write_bytes(paths[0].read_bytes())
            paths.append(more)
        return paths

    exports._write = write
