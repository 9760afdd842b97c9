"""`mews-assets doctor`: checks settings, tokens, clock, lake and Dagster, and says what to correct.

Lives here: the order of the checks, and printing findings. Tokens are never printed, only names of their variables. Not
here: the probes (`ingest.probes`, `ingest.lake_probe`, `defs.local.diagnostics`).
"""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mews_assets.ingest.directory import Directory
    from mews_assets.ingest.findings import Finding
    from mews_assets.settings import Connection, Settings

_AT_ONCE = 16
"""Connections checked at once; each client keeps to the request limit of its own token."""
_TRIES = 2
"""More tries would delay the output for minutes; a single transient error is no finding."""
_SUBJECT_WIDTH = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs: all findings, when all are there")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import load_dotenv
    from mews_assets.ingest.findings import Level

    load_dotenv()
    findings: list[Finding] = []
    # A pipe has no width: lines are not wrapped, so that grep finds them.
    width = get_terminal_size((10_000, 24)).columns
    for finding in look():
        findings.append(finding)
        if not args.json:
            print("\n".join(_painted(finding, lines(finding, width))), flush=True)
    count = {level: sum(finding.level is level for finding in findings) for level in Level}
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print(f"{count[Level.OK]} ok, {count[Level.WARN]} warnings, {count[Level.FAIL]} to correct")
    return 1 if count[Level.FAIL] else 0


def look() -> Iterator[Finding]:
    """All findings, one after the other."""
    from mews_assets.cli.home import dagster_home, utc_now

    yield from _environment(Path(".env"))
    settings = yield from _settings_and_lake()
    yield _installation()
    from mews_assets.defs.local.diagnostics import (
        look_at_instance,  # imports Dagster: 3 s that the lines above need not
    )
    from mews_assets.defs.namespace import Namespace

    namespace = Namespace.of(settings) if settings is not None else Namespace()
    automation = settings is not None and settings.automation
    yield from look_at_instance(dagster_home(), automation, utc_now(), namespace, _directory())


def _directory() -> Directory | None:
    """What was discovered last. Where the lake cannot be read, its own findings say so."""
    from mews_assets.ingest.directory import load_directory
    from mews_assets.lake.errors import LakeError
    from mews_assets.lake.storage.lake import open_standing
    from mews_assets.settings import SettingError, read_lake

    try:
        return load_directory(open_standing(read_lake(os.environ)))
    except (SettingError, LakeError, OSError, ValueError):
        return None


def _settings_and_lake() -> Generator[Finding, None, Settings | None]:
    """The findings on settings, connections and lake. Returns the settings, if there are any that can be used."""
    from mews_assets.cli.home import DEMO, has_tokens, is_demo
    from mews_assets.ingest.findings import fail, ok
    from mews_assets.ingest.lake_probe import probe_lake
    from mews_assets.settings import SettingError, read_lake, read_privacy, read_settings
    from mews_assets.windows import Grain

    if not has_tokens(os.environ):
        if is_demo(os.environ):
            yield ok(
                "tokens",
                f"MEWS_CLIENT_TOKEN is not set: what follows is the demonstration in {DEMO}, whose sandbox needs none. "
                "For your hotels copy .env.example to .env, fill it in, and run `mews-assets doctor` again",
            )
            yield from probe_lake(read_lake(os.environ), Grain.DAILY)
            return None
        yield fail(
            "tokens",
            "MEWS_CLIENT_TOKEN is not set, so Mews cannot be checked; `mews-assets demo` and `mews-assets dev` need no "
            "token",
            "copy .env.example to .env, fill in both tokens and MEWS_START_DATE, and run `mews-assets doctor` again.",
        )
    try:
        settings = read_settings(os.environ)
        privacy = read_privacy(os.environ)
    except SettingError as error:
        yield fail(
            "settings",
            str(error),
            "correct it in .env or in the environment, and run `mews-assets doctor` again.",
        )
        return None
    yield from _settings(settings)
    yield from _connections(settings)
    yield from probe_lake(settings.lake, settings.grain, privacy)
    return settings


def _painted(finding: Finding, text: list[str]) -> list[str]:
    """The lines with the level in its colour."""
    from mews_assets.cli.colours import Colour, paint
    from mews_assets.ingest.findings import Level

    colours = {Level.OK: Colour.GREEN, Level.WARN: Colour.YELLOW, Level.FAIL: Colour.RED}
    first, level = text[0], str(finding.level)
    return [paint(level, colours[finding.level]) + first.removeprefix(level), *text[1:]]


def lines(finding: Finding, width: int) -> list[str]:
    """A finding, wrapped to the terminal's width, with its fix below."""
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
    """Variables that differ between `.env` and the environment, and unknown ones. Values are not shown."""
    from dotenv import dotenv_values

    from mews_assets.ingest.findings import warn
    from mews_assets.settings import ACCESS_TOKEN, FILE_VARIABLES, VARIABLES

    given = dotenv_values(dotenv_file)
    differing = [name for name, value in given.items() if value is not None and os.environ.get(name) != value]
    if differing:
        yield warn(
            "environment",
            f"{', '.join(sorted(differing))}: the environment and .env have different values; this command uses the "
            "environment, Dagster's processes use .env",
            "set it in one of them only.",
        )
    for name in sorted(name for name in os.environ if name.startswith("MEWS_")):
        # MEWS_CONNECTIONS may name variables of the second kind.
        is_known = name in (*VARIABLES, *FILE_VARIABLES) or name.startswith(f"{ACCESS_TOKEN}_")
        if not is_known and (near := get_close_matches(name, VARIABLES, n=1, cutoff=0.8)):
            yield warn("environment", f"{name} is no setting, and is ignored", f"did you mean {near[0]}?")


def _installation() -> Finding:
    from mews_assets.ingest.findings import ok, warn
    from mews_assets.lake.conversion import scan

    if scan.is_compiled():
        return ok("installation", "records are checked by compiled code")
    return warn(
        "installation",
        "there was no C compiler: records are checked without compiled code, and conversion takes 1.7 times as long",
        "install gcc and the headers of Python (python3-dev), then mews_assets once more.",
    )


def _settings(settings: Settings) -> Iterable[Finding]:
    from mews_assets.alerts.delivery import unknown_targets
    from mews_assets.cli.home import utc_now
    from mews_assets.ingest.findings import fail, ok, warn
    from mews_assets.settings import ALERT_URLS, SettingError, read_alert_urls

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
    try:
        addresses = read_alert_urls(os.environ)
    except SettingError as error:
        yield fail("settings", str(error), "correct it in .env or in the environment.")
        return
    if not addresses:
        yield warn(
            "settings",
            f"{ALERT_URLS} is not set: no alert is sent when something fails",
            f"set {ALERT_URLS} to an address of Slack, e-mail or a webhook.",
        )
    if unknown := unknown_targets(addresses):
        yield fail(
            "settings",
            f"{ALERT_URLS} has addresses that Apprise does not support: {', '.join(unknown)}; no alert is sent to them",
            "see https://github.com/caronc/apprise for the format of addresses.",
        )


def _connections(settings: Settings) -> Iterable[Finding]:
    from mews_assets.ingest.findings import judge_skew

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = list(pool.map(lambda connection: _connection(settings, connection), settings.connections))
    for findings, _ in results:
        yield from findings
    yield from _tokens_given_twice(settings.connections)
    skews = [skew for _, skew in results if skew is not None]
    if skews:
        # The skew nearest to zero: a slow answer makes Mews' clock look late, never early.
        yield judge_skew(min(skews, key=abs))


def _tokens_given_twice(connections: tuple[Connection, ...]) -> Iterable[Finding]:
    from mews_assets.ingest.findings import warn
    from mews_assets.settings import SettingError, read_secret

    names: dict[str, list[str]] = {}
    for connection in connections:
        with suppress(SettingError):  # it is a finding of its own
            token = read_secret(os.environ, connection.access_token_variable)
            names.setdefault(token, []).append(connection.name)
    for same in names.values():
        if len(same) > 1:
            yield warn(
                "connections",
                f"{', '.join(same)} share one token, for which Mews runs one export per entity type at a time: they "
                "wait for each other",
                "replace them by one connection with all their enterprises.",
            )


def _connection(settings: Settings, connection: Connection) -> tuple[list[Finding], float | None]:
    """The findings about a connection, and the seconds by which Mews' clock is ahead of ours, if it answered."""
    from datetime import timedelta

    from mews_assets.api import BRIEF_TIMEOUTS, ConnectionSettingError, RequestLimits
    from mews_assets.cli.home import utc_now
    from mews_assets.clients import client_of
    from mews_assets.ingest.findings import fail
    from mews_assets.ingest.probes import probe
    from mews_assets.settings import SettingError

    try:
        # Not with the lake's pacing: nothing is to be written, not even how many requests were sent.
        apart = replace(settings, lake="")
        opened = client_of(apart, connection, RequestLimits(_TRIES, BRIEF_TIMEOUTS))
    except SettingError as error:
        return [fail(connection.name, str(error), "set the variable; Mews gives out both tokens.")], None
    except ConnectionSettingError as error:
        return [fail(connection.name, str(error), "correct or unset the variable.")], None
    with opened as client:
        found = probe(
            client,
            settings.tables,
            settings.references,
            connection.enterprises,
            lambda: utc_now() + timedelta(seconds=client.clock_skew_seconds or 0),
            settings.series,
        )
        return found, client.clock_skew_seconds
