"""The first `.env`: questions on a terminal, the answers tried at Mews, and the file.

Lives here: what is asked, and writing it. Tokens are never shown: they are typed without an echo, and go into the file
alone, which only its owner may read. Not here: which settings there are (`settings`) and all other probes (`doctor`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from getpass import getpass
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm, Prompt

from mews_assets.api import BRIEF_TIMEOUTS, MewsError, RequestLimits
from mews_assets.cli.home import HomeError
from mews_assets.clients import client_of
from mews_assets.ingest.directory import Directory, discover
from mews_assets.settings import (
    ACCESS_TOKEN,
    CLIENT_TOKEN,
    DEFAULT_ADDRESS,
    DEFAULT_CLIENT,
    Connection,
    SettingError,
    read_settings,
)

FILE = Path(".env")
_BEFORE = timedelta(days=30)
_SHOWN = 5


def ask_and_write(now: datetime, file: Path = FILE) -> Path:
    """Ask for the settings, try them, and write the file. Raises HomeError where there is no terminal, or a file."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise HomeError(
            "init asks for your tokens and needs a terminal: copy .env.example to .env and fill it in, or lay the "
            "files of a deployment with --production"
        )
    if file.exists() or file.is_symlink():
        raise HomeError(
            f"{file} exists: nothing was asked and nothing written. Change it with an editor, or move it away"
        )
    console = Console(highlight=False)
    console.print("[bold]Your settings[/bold]: Return takes what is in brackets. Tokens are not shown.")
    chosen = _ask(console, now)
    while not _try(console, chosen):
        if Confirm.ask("Ask for address and tokens again?", console=console, default=True):
            chosen |= _ask_connection(console, chosen)
        elif Confirm.ask("Write the file nevertheless?", console=console, default=False):
            break
        else:
            raise HomeError("nothing was written")
    _write(file, chosen)
    console.print(f"{file} is written, for your eyes only. Next: mews-assets doctor, then mews-assets dev")
    return file


def _ask(console: Console, now: datetime) -> dict[str, str]:
    chosen = _ask_connection(console, {})
    first_day = (now - _BEFORE).date().isoformat()
    chosen |= _ask_setting(console, "MEWS_START_DATE", "First day to fetch", first_day, chosen)
    return chosen | _ask_setting(console, "MEWS_LAKE", "Folder or URI for the tables", "data/lake", chosen)


def _ask_connection(console: Console, before: Mapping[str, str]) -> dict[str, str]:
    chosen = _ask_setting(console, "MEWS_PLATFORM_ADDRESS", "Address of Mews", DEFAULT_ADDRESS, before)
    chosen |= _ask_setting(
        console, "MEWS_CLIENT", "Name and version of your integration", DEFAULT_CLIENT, before
    )
    return chosen | {
        CLIENT_TOKEN: _ask_token(console, "Client token"),
        ACCESS_TOKEN: _ask_token(console, "Access token"),
    }


def _ask_setting(
    console: Console, variable: str, text: str, default: str, before: Mapping[str, str]
) -> dict[str, str]:
    """An answer that the settings accept; asked again until it is one."""
    while True:
        given = Prompt.ask(text, console=console, default=before.get(variable, default)).strip()
        try:
            _quoted(given)
            read_settings({"MEWS_START_DATE": "2026-01-01", variable: given})
        except (SettingError, ValueError) as error:
            console.print(f"[red]{_escaped(str(error))}[/red]")
        else:
            return {variable: given}


def _ask_token(console: Console, text: str) -> str:
    while True:
        # Not by rich, which shows the question before it turns the echo off.
        given = getpass(f"{text}: ").strip()
        try:
            _quoted(given)
        except ValueError as error:
            console.print(f"[red]{error}[/red]")
            continue
        if given:
            return given
        console.print(f"[red]{text} is empty[/red]")


def _try(console: Console, chosen: Mapping[str, str]) -> bool:
    """Ask Mews for the hotels, and name them. Nothing is written, not even how many requests were sent."""
    console.print("Asking Mews which hotels the tokens see ...")
    try:
        found = _with_environment(chosen, lambda: _hotels(chosen))
    except (MewsError, SettingError, ValueError) as error:
        console.print(f"[red]{_escaped(str(error))}[/red]")
        return False
    names = sorted(hotel.name for hotel in found.enterprises.values())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    console.print(f"[green]{len(names)} hotels[/green]: {_escaped(', '.join(names[:_SHOWN]))}{more}")
    return True


def _hotels(chosen: Mapping[str, str]) -> Directory:
    settings = replace(read_settings({"MEWS_START_DATE": "2026-01-01", **chosen}), lake="")
    connection = Connection("default", ACCESS_TOKEN)
    with client_of(settings, connection, RequestLimits(2, BRIEF_TIMEOUTS)) as client:
        return discover({connection.name: client}, {})


def _with_environment(chosen: Mapping[str, str], work: Callable[[], Directory]) -> Directory:
    """Do the work while the tokens are in the environment, where clients read them."""
    before = {name: os.environ.get(name) for name in (CLIENT_TOKEN, ACCESS_TOKEN)}
    os.environ.update({name: chosen[name] for name in before})
    try:
        return work()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _write(file: Path, chosen: Mapping[str, str]) -> None:
    """Write the file, with no permission for anybody else from its first byte on. Raises HomeError if one is there."""
    lines = [
        "# Written by `mews-assets init`. Keep it out of version control. docs/hotels.md explains all settings.",
        *(f"{name}={_quoted(value)}" for name, value in chosen.items()),
    ]
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise HomeError(f"{file} exists by now: nothing was written") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write("\n".join(lines) + "\n")


def _quoted(value: str) -> str:
    """A value as `.env` spells it. Raises ValueError for one that it cannot hold."""
    if not value.isprintable() or "'" in value:
        raise ValueError("it contains a quotation mark ' or a character that cannot be printed")
    plain = all(one.isalnum() or one in "._:/~@+-" for one in value)
    return value if plain else f"'{value}'".replace("\\", "\\\\")


def _escaped(text: str) -> str:
    """A text in which rich finds no markup."""
    return text.replace("[", "\\[")
