"""Settings: what the environment says, read once and checked, each error one sentence.

Lives here: the variables, what they accept, and their defaults. Secrets are not here: settings name the
variables that hold tokens, and `read_secret` looks inside one when a client is made.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mews_assets import catalog
from mews_assets.catalog.model import Table
from mews_assets.windows import Grain

CLIENT_TOKEN = "MEWS_CLIENT_TOKEN"  # noqa: S105 - the name of a variable
ACCESS_TOKEN = "MEWS_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
DEFAULT_ADDRESS = "https://api.mews-demo.com"
DEFAULT_CLIENT = "mews_assets 0.1.0"


class SettingError(ValueError):
    """A setting that cannot be used: which, what was given, what is accepted."""


@dataclass(frozen=True)
class Connection:
    """One access token: the variable that holds it, and the enterprises it is limited to (none: all it sees)."""

    name: str
    access_token_variable: str = ACCESS_TOKEN
    enterprises: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """All settings. `lake` is a folder or URI; `start` is the first instant of the first window."""

    platform_address: str
    client: str
    lake: str
    start: datetime
    grain: Grain
    tables: tuple[Table, ...]
    connections: tuple[Connection, ...]
    client_token_variable: str = CLIENT_TOKEN


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment. Raises SettingError naming the first variable that cannot be used."""
    return Settings(
        platform_address=_address(environment),
        client=environment.get("MEWS_CLIENT") or DEFAULT_CLIENT,
        lake=environment.get("MEWS_LAKE") or "data/lake",
        start=_start(environment),
        grain=_grain(environment),
        tables=_tables(environment),
        connections=_connections(environment),
    )


def read_secret(environment: Mapping[str, str], variable: str) -> str:
    """The token in a variable. Raises SettingError, which never says what the variable holds."""
    value = environment.get(variable, "").strip()
    if not value:
        raise SettingError(
            f"{variable} is not set: it holds a token of the Mews Connector API; put it into .env"
        )
    return value


def _address(environment: Mapping[str, str]) -> str:
    given = (environment.get("MEWS_PLATFORM_ADDRESS") or DEFAULT_ADDRESS).rstrip("/")
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise SettingError(
            f"MEWS_PLATFORM_ADDRESS is {given!r}; accepted is an address without a path, such as {DEFAULT_ADDRESS}"
        )
    return given


def _start(environment: Mapping[str, str]) -> datetime:
    given = environment.get("MEWS_START_DATE", "").strip()
    try:
        return datetime.combine(date.fromisoformat(given), datetime.min.time(), UTC)
    except ValueError:
        raise SettingError(
            f"MEWS_START_DATE is {given!r}; accepted is the first day to fetch, such as 2026-01-01"
        ) from None


def _grain(environment: Mapping[str, str]) -> Grain:
    given = environment.get("MEWS_WINDOW") or Grain.DAILY.value
    if given not in list(Grain):
        raise SettingError(f"MEWS_WINDOW is {given!r}; accepted are {', '.join(Grain)}")
    return Grain(given)


def _tables(environment: Mapping[str, str]) -> tuple[Table, ...]:
    given = [name.strip() for name in environment.get("MEWS_TABLES", "").split(",") if name.strip()]
    try:
        chosen = catalog.tables(given or None)
    except catalog.UnknownTableError as error:
        raise SettingError(f"MEWS_TABLES names {error.name!r}; {error}") from None
    # One request brings outlet items and bills: who asks for one gets the other as well.
    wanted = {partner.name for table in chosen for partner in catalog.partners(table)}
    return tuple(table for table in catalog.TABLES if table.name in wanted)


def _connections(environment: Mapping[str, str]) -> tuple[Connection, ...]:
    given = environment.get("MEWS_CONNECTIONS", "").strip()
    if not given:
        return (Connection("default"),)
    try:
        content = tomllib.loads(Path(given).read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingError(
            f"MEWS_CONNECTIONS is {given!r}, a TOML file that cannot be read: {error}"
        ) from None
    rows = content.get("connections")
    if not isinstance(rows, list) or not rows:
        raise SettingError(
            f"MEWS_CONNECTIONS: {given} has no [[connections]]; one is needed for every access token"
        )
    connections = tuple(_connection(given, row) for row in rows)
    names = [connection.name for connection in connections]
    if len(set(names)) < len(names):
        raise SettingError(f"MEWS_CONNECTIONS: {given} uses a name twice; names are {', '.join(names)}")
    return connections


def _connection(file: str, row: Any) -> Connection:
    accepted = "accepted are name, access_token_variable, and enterprises, a list of ids"
    if not isinstance(row, dict) or set(row) - {"name", "access_token_variable", "enterprises"}:
        raise SettingError(f"MEWS_CONNECTIONS: {file} has a connection that is {row!r}; {accepted}")
    name, variable, enterprises = (
        row.get("name"),
        row.get("access_token_variable"),
        row.get("enterprises", []),
    )
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
        raise SettingError(
            f"MEWS_CONNECTIONS: {file} has the name {name!r}; letters, digits, - and _ are accepted"
        )
    if not isinstance(variable, str) or not variable.isidentifier():
        raise SettingError(
            f"MEWS_CONNECTIONS: {file}, connection {name}: access_token_variable must be the name of the environment "
            "variable that holds the token, not the token itself"
        )
    if not isinstance(enterprises, list) or not all(isinstance(one, str) for one in enterprises):
        raise SettingError(f"MEWS_CONNECTIONS: {file}, connection {name}: enterprises must be a list of ids")
    return Connection(name, variable, tuple(enterprises))
