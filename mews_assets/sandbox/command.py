"""`mews-assets sandbox`: a simulated Mews, from the command line.

Lives here: the options, the line with its address and tokens, and a clean stop on SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import select
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from mews_assets.sandbox.clock import read_micros, write_micros
from mews_assets.sandbox.records.record_query import Intervals
from mews_assets.sandbox.records.user_files import DataError
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import (
    HOST,
    RunningSandbox,
    ServerLimits,
    Simulated,
    running_sandbox,
    versions_of,
)
from mews_assets.sandbox.server.access_control import LIMIT_REQUESTS
from mews_assets.sandbox.server.exports import FILE_BYTES
from mews_assets.sandbox.server.sandbox_parts import PAGE_RECORDS

MAX_DAYS = 3660
"""Ten years: loading that much of one simulated hotel takes minutes."""
MAX_EXPORT_SECONDS = 86_400
YEARS = (1990, 2199)
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the sandbox."""
    parser.add_argument("--hotels", type=_positive, default=3, help="simulated hotels (default 3)")
    parser.add_argument("--days", type=_days, default=60, help="days of history before --now (default 60)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same records (default 1)")
    parser.add_argument("--now", type=_instant, help="where the clock starts, ISO 8601 in UTC (default: now)")
    parser.add_argument(
        "--export-seconds", type=_seconds, default=2.0, help="how long an export takes (default 2)"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default 0: any free one)")
    parser.add_argument(
        "--host", choices=[HOST], default=HOST, help="fixed: the sandbox serves this machine only"
    )
    parser.add_argument(
        "--data", type=Path, help="serve the <EntityType>.jsonl[.gz] files of this folder instead"
    )
    parser.add_argument(
        "--file-bytes", type=_positive, default=FILE_BYTES, help="largest export file (default 8 MB)"
    )
    parser.add_argument(
        "--rate-limit",
        type=_positive,
        default=LIMIT_REQUESTS,
        help="requests per token in 30 s (default 200)",
    )
    parser.add_argument(
        "--page-records",
        type=_positive,
        default=PAGE_RECORDS,
        help="most records in a page, also where more are asked for (default 1000)",
    )
    parser.add_argument(
        "--intervals",
        choices=[one.value for one in Intervals],
        default=Intervals.HALF_OPEN.value,
        help="how intervals of filters are read: half-open, as Mews does since January 2026 (default), or inclusive",
    )
    parser.add_argument(
        "--no-export-token", action="store_true", help="also an access token that has no right to exports"
    )
    parser.add_argument(
        "--ledger-pages",
        action="store_true",
        help="also serve ledgerEntries/getAll, which Mews does not document",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. Returns the exit code."""
    with StopSignals() as stop:
        return _serve(args, stop)


def _serve(args: argparse.Namespace, stop: StopSignals) -> int:
    now = args.now or datetime.now(UTC)
    versions = versions_of(args.data or Simulated(args.hotels, args.days, args.seed), now)
    limits = ServerLimits(
        requests=args.rate_limit,
        page_records=args.page_records,
        file_bytes=args.file_bytes,
        ledger_pages=args.ledger_pages,
    )
    try:
        with running_sandbox(
            _until(stop, versions),
            now=args.now,
            export_seconds=args.export_seconds,
            limits=limits,
            no_export_token=args.no_export_token,
            port=args.port,
        ) as sandbox:
            sandbox.read_intervals(args.intervals)
            print(greeting(sandbox), flush=True)
            stop.wait()
    except _StoppedError:
        return 0
    except (DataError, OSError) as error:
        print(f"mews-assets sandbox: {error}", file=sys.stderr)
        return 1
    return 0


class StopSignals:
    """The signals that end this process, noted from the moment of entry. Entered in the main thread.

    The interpreter itself writes each signal to a socket. A handler that sets a `threading.Event` is not enough: it
    waits for ever for the event's lock where the signal arrives while the main thread holds it, and it does not run
    where the signal arrives just before the main thread blocks.
    """

    def __enter__(self) -> Self:
        self._arrived, self._sender = socket.socketpair()
        self._arrived.setblocking(False)
        self._sender.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        self._handlers = {sign: signal.signal(sign, lambda *_: None) for sign in STOP_SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for sign, handler in self._handlers.items():
            signal.signal(sign, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._arrived.close()
        self._sender.close()

    def is_set(self) -> bool:
        """Whether a signal has arrived."""
        return bool(select.select([self._arrived], [], [], 0)[0])

    def wait(self) -> None:
        """Return when a signal has arrived."""
        select.select([self._arrived], [], [])


class _StoppedError(Exception):
    """A stop signal arrived while records were being loaded."""


def _until(stop: StopSignals, versions: Iterable[Version]) -> Iterator[Version]:
    """The versions; raises _StoppedError after a stop signal, since loading may take a minute."""
    for version in versions:
        if stop.is_set():
            raise _StoppedError
        yield version


def greeting(sandbox: RunningSandbox) -> str:
    """The line with the address and the tokens."""
    parts = {
        "address": sandbox.address,
        "client_token": sandbox.client_token,
        "access_token": sandbox.access_token,
        "hotel_tokens": ",".join(sandbox.hotel_tokens),
        "no_exports_token": sandbox.no_exports_token,
        "now": write_micros(sandbox.sandbox.clock.now_us()),
    }
    return "sandbox listening: " + " ".join(f"{name}={value}" for name, value in parts.items() if value)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _days(text: str) -> int:
    if (number := _positive(text)) > MAX_DAYS:
        raise argparse.ArgumentTypeError(f"{text} is more than {MAX_DAYS} days")
    return number


def _seconds(text: str) -> float:
    if not 0 <= (number := float(text)) <= MAX_EXPORT_SECONDS:  # false for what is no number as well
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MAX_EXPORT_SECONDS} seconds")
    return number


def _instant(text: str) -> datetime:
    try:
        read_micros(text)
        instant = datetime.fromisoformat(text)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not YEARS[0] <= instant.year <= YEARS[1]:
        raise argparse.ArgumentTypeError(f"{text} is not in the years {YEARS[0]} to {YEARS[1]}")
    return instant
