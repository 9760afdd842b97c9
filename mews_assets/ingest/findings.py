"""Findings of `mews-assets doctor`: one fact each, its level, and what to do about it. Pure.

Lives here: the finding itself, and judgements that do not depend on where a fact comes from. Not here: reading the
facts (`probes` asks Mews, `lake_probe` the lake, `defs.local.diagnostics` Dagster), and printing them (`cli`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mews_assets.windows import SETTLE

SKEW_WARN_SECONDS = 30
"""The Date header has whole seconds, and an answer takes a few; synchronised clocks differ by less."""
FREE_FAIL_BYTES = 1_000_000_000
"""An export of half a million order items is 1 GB, and for a moment 2 GB: as JSON and as Parquet."""
FREE_WARN_BYTES = 10 * FREE_FAIL_BYTES


class Level(StrEnum):
    """The severity of a finding."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One fact. A finding that is not OK has a fix: what to do about it."""

    level: Level
    subject: str
    text: str
    fix: str = ""

    def __post_init__(self) -> None:
        if (self.level is Level.OK) != (not self.fix):
            raise ValueError(f"{self.subject}: a finding has a fix exactly when it is not OK")


def ok(subject: str, text: str) -> Finding:
    return Finding(Level.OK, subject, text)


def warn(subject: str, text: str, fix: str) -> Finding:
    return Finding(Level.WARN, subject, text, fix)


def fail(subject: str, text: str, fix: str) -> Finding:
    return Finding(Level.FAIL, subject, text, fix)


def judge_skew(seconds: float) -> Finding:
    """Our clock against Mews' Date header; positive where Mews is ahead."""
    distance = abs(round(seconds))
    text = f"ours is {distance} s {'behind' if seconds > 0 else 'ahead of'} that of Mews"
    fix = "let this machine follow a time server (timedatectl set-ntp true)."
    if distance > SETTLE.total_seconds():
        return fail("clock", f"{text}; schedules go by ours, and buckets may refuse what it signs", fix)
    return warn("clock", text, fix) if distance > SKEW_WARN_SECONDS else ok("clock", text)


def judge_free_space(subject: str, place: str, free_bytes: int) -> Finding:
    """The free space of a disk that captures are written to."""
    text = f"{place} has {free_bytes / 1e9:,.1f} GB free"
    fix = "free some space, or move MEWS_LAKE to a larger disk or a bucket."
    if free_bytes < FREE_FAIL_BYTES:
        return fail(subject, f"{text}; one large export needs {FREE_FAIL_BYTES / 1e9:.0f} GB", fix)
    return warn(subject, text, fix) if free_bytes < FREE_WARN_BYTES else ok(subject, text)
