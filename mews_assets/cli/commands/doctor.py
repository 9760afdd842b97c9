"""`mews-assets doctor`: looks at settings, tokens, clock, lake and Dagster, and says what to mend.

Lives here: the order of the looks, and their lines. No token is printed: only names of variables are.
"""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.ingest.findings import Finding
    from mews_assets.settings import Connection, Settings

_AT_ONCE = 16
"""Connections looked at side by side; each client keeps to the limit of its own token."""
_TRIES = 2
"""A doctor who waits out every trouble says nothing for minutes; one hiccup is no illness."""
_SUBJECT_WIDTH = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: everything is looked at."""


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import load_dotenv
    from mews_assets.ingest.findings import Level

    load_dotenv()
    found: list[Finding] = []
    # A pipe has no width, and its lines are for grep: they are not broken.
    width = get_terminal_size((10_000, 24)).columns
    for finding in look():
        found.append(finding)
        print("\n".join(lines(finding, width)), flush=True)
    count = {level: sum(one.level is level for one in found) for level in Level}
    print(f"{count[Level.OK]} ok, {count[Level.WARN]} to look at, {count[Level.FAIL]} to mend")
    return 1 if count[Level.FAIL] else 0


def look() -> Iterator[Finding]:
    """All findings, as they come in."""
    from mews_assets.cli.home import dagster_home, has_tokens, utc_now
    from mews_assets.ingest.findings import fail
    from mews_assets.ingest.lake_probe import probe_lake
    from mews_assets.settings import SettingError, read_privacy, read_settings

    automation = False
    yield from _environment(Path(".env"))
    if not has_tokens(os.environ):
        yield fail(
            "tokens",
            "MEWS_CLIENT_TOKEN is not set, so there is no Mews to look at; `make demo` and `make dev` need none",
            "copy .env.example to .env, fill in both tokens and MEWS_START_DATE, and run this again.",
        )
    try:
        settings = read_settings(os.environ)
        privacy = read_privacy(os.environ)
    except SettingError as error:
        yield fail("settings", str(error), "correct it in .env or in the environment, and run this again.")
    else:
        automation = settings.automation
        yield from _settings(settings)
        yield from _connections(settings)
        yield from probe_lake(settings.lake, settings.grain, privacy)
    yield _installation()
    from mews_assets.defs.local.diagnostics import (
        look_at_instance,  # imports Dagster: 3 s that the lines above need not
    )

    yield from look_at_instance(dagster_home(), automation, utc_now())


def lines(finding: Finding, width: int) -> list[str]:
    """A finding on as many lines as the terminal needs; what to do about it below."""
    lead = f"{finding.level:4}  {finding.subject:{_SUBJECT_WIDTH}}  "
    indent = " " * (len("FAIL  ") + _SUBJECT_WIDTH + 2)
    texts = [(lead, finding.text)] + ([(f"{indent}fix: ", finding.fix)] if finding.fix else [])
    return [
        line
        for start, text in texts
        for line in textwrap.wrap(
            text,
            max(width, 60),
            initial_indent=start,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def _environment(dotenv_file: Path) -> Iterable[Finding]:
    """What `.env` and the environment say twice, or in vain. No value is told: some are secrets."""
    from dotenv import dotenv_values

    from mews_assets.ingest.findings import warn
    from mews_assets.settings import VARIABLES

    given = dotenv_values(dotenv_file)
    differing = [name for name, value in given.items() if value is not None and os.environ.get(name) != value]
    if differing:
        yield warn(
            "environment",
            f"{', '.join(sorted(differing))}: the environment says one thing and .env another; this command takes the "
            "environment's, Dagster's processes that of .env",
            "say it in one of them only.",
        )
    for name in sorted(name for name in os.environ if name.startswith("MEWS_")):
        # The latter as MEWS_CONNECTIONS may name one.
        is_known = name in VARIABLES or name.startswith("MEWS_ACCESS_TOKEN_")
        if not is_known and (near := get_close_matches(name, VARIABLES, n=1, cutoff=0.8)):
            yield warn(
                "environment", f"{name} is no setting, and nothing reads it", f"did you mean {near[0]}?"
            )


def _installation() -> Finding:
    from mews_assets.ingest.findings import ok, warn
    from mews_assets.lake.conversion import scan

    if scan.is_compiled():
        return ok("installation", "records are checked by compiled code")
    return warn(
        "installation",
        "there was no C compiler: records are checked all the same, but converting them takes 1.7 times as long",
        "install gcc and the headers of Python (python3-dev), then mews_assets once more.",
    )


def _settings(settings: Settings) -> Iterable[Finding]:
    from mews_assets.alerts.delivery import unknown_targets
    from mews_assets.cli.home import utc_now
    from mews_assets.ingest.findings import fail, ok, warn
    from mews_assets.settings import ALERT_URLS

    count = len(settings.connections)
    yield ok(
        "settings",
        f"{len(settings.tables)} tables, {settings.grain.value} windows from {settings.start:%Y-%m-%d}, "
        f"{count} connection{'s' if count != 1 else ''} to {settings.platform_address}",
    )
    if settings.start > utc_now():
        yield warn(
            "settings",
            f"MEWS_START_DATE is {settings.start:%Y-%m-%d}: nothing is due before that day is over",
            "set the first day to fetch.",
        )
    if not settings.automation:
        yield warn(
            "settings",
            "MEWS_AUTOMATION is off: on a fresh instance nothing runs by itself",
            "set MEWS_AUTOMATION=on, or turn sensors and schedules on in the UI.",
        )
    if not os.environ.get(ALERT_URLS, "").strip():
        yield warn(
            "settings",
            f"{ALERT_URLS} is not set: nobody is told when something fails",
            f"set {ALERT_URLS} to an address of Slack, e-mail or a webhook.",
        )
    if unknown := unknown_targets(os.environ.get(ALERT_URLS, "")):
        yield fail(
            "settings",
            f"{ALERT_URLS} holds what Apprise does not know as an address: {', '.join(unknown)}; nobody is told there",
            "see https://github.com/caronc/apprise for how addresses read.",
        )


def _connections(settings: Settings) -> Iterable[Finding]:
    from mews_assets.ingest.findings import judge_skew

    with ThreadPoolExecutor(_AT_ONCE) as side_by_side:
        looked = list(side_by_side.map(lambda one: _connection(settings, one), settings.connections))
    for findings, _ in looked:
        yield from findings
    yield from _tokens_given_twice(settings.connections)
    skews = [skew for _, skew in looked if skew is not None]
    if skews:
        # The one nearest to nought: a slow answer makes Mews' clock look late, never early.
        yield judge_skew(min(skews, key=abs))


def _tokens_given_twice(connections: tuple[Connection, ...]) -> Iterable[Finding]:
    from mews_assets.ingest.findings import warn

    names: dict[str, list[str]] = {}
    for connection in connections:
        if token := os.environ.get(connection.access_token_variable, "").strip():
            names.setdefault(token, []).append(connection.name)
    for same in names.values():
        if len(same) > 1:
            yield warn(
                "connections",
                f"{', '.join(same)} have one token, for which Mews runs one export of a type at a time: they wait for "
                "each other",
                "make them one connection, with the enterprises of all.",
            )


def _connection(settings: Settings, connection: Connection) -> tuple[list[Finding], float | None]:
    """What there is to say of a connection, and how far Mews' clock is ahead of ours, if it answered."""
    from datetime import timedelta

    from mews_assets.api import BRIEF_TIMEOUTS, ConnectionSettingError, RequestLimits
    from mews_assets.catalog.entities.reference import REFERENCES
    from mews_assets.cli.home import utc_now
    from mews_assets.clients import client_of
    from mews_assets.ingest.findings import fail
    from mews_assets.ingest.probes import probe
    from mews_assets.settings import SettingError

    try:
        opened = client_of(settings, connection, RequestLimits(_TRIES, BRIEF_TIMEOUTS))
    except SettingError as error:
        return [fail(connection.name, str(error), "set the variable; Mews gives out both tokens.")], None
    except ConnectionSettingError as error:
        return [fail(connection.name, str(error), "mend or unset the variable.")], None
    with opened as client:
        found = probe(
            client,
            settings.tables,
            REFERENCES,
            connection.enterprises,
            lambda: utc_now() + timedelta(seconds=client.clock_skew_seconds or 0),
        )
        return found, client.clock_skew_seconds
