"""Connections: one for each access token.

Lives here: MEWS_CONNECTIONS and the TOML file it names. Not here: the tokens; a connection names the variable that
contains its token.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mews_assets.lake_location import SettingError, below_home

ACCESS_TOKEN = "MEWS_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HEX_TOKEN = re.compile(r"[0-9A-Fa-f_]{24,}")
"""A token in place of its variable's name; a variable name of that length has other letters too."""


@dataclass(frozen=True)
class Connection:
    """One access token: the variable that contains it, and the enterprises it is limited to (empty: all it sees)."""

    name: str
    access_token_variable: str = ACCESS_TOKEN
    enterprises: tuple[str, ...] = ()


def read_connections(environment: Mapping[str, str]) -> tuple[Connection, ...]:
    """The connections of an environment; a single connection named default if MEWS_CONNECTIONS is not set."""
    given = environment.get("MEWS_CONNECTIONS", "").strip()
    if not given:
        return (Connection("default"),)
    try:
        content = tomllib.loads(below_home("MEWS_CONNECTIONS", given).read_text(encoding="utf-8"))
    except SettingError:
        raise
    except (OSError, ValueError, RecursionError) as error:  # missing, not UTF-8, not TOML, nested too deeply
        raise SettingError(
            f"MEWS_CONNECTIONS is {given!r}, a TOML file that cannot be read: {error}"
        ) from None
    where = f"MEWS_CONNECTIONS: {given}"
    if others := sorted(set(content) - {"connections"}):
        raise SettingError(f"{where} has {', '.join(others)} at its top; accepted is [[connections]] only")
    return check_connections(where, content.get("connections"))


def check_connections(where: str, rows: Any) -> tuple[Connection, ...]:
    """The connections of a list of tables. Raises SettingError, which begins with `where` they are written."""
    if not isinstance(rows, list) or not rows:
        raise SettingError(f"{where} has no [[connections]]; one is needed for every access token")
    connections = tuple(_connection(where, row) for row in rows)
    names = [connection.name for connection in connections]
    if len(set(names)) < len(names):
        raise SettingError(f"{where} uses a name twice; names are {', '.join(names)}")
    return connections


def _connection(where: str, row: Any) -> Connection:
    accepted = "accepted are name, access_token_variable, and enterprises, a list of ids"
    if not isinstance(row, dict):
        raise SettingError(f"{where} has a connection that is no table; {accepted}")
    if others := sorted(set(row) - {"name", "access_token_variable", "enterprises"}):
        # Named without its value, which may be a token.
        raise SettingError(f"{where} has a connection with {', '.join(others)}; {accepted}")
    name, variable, enterprises = (
        row.get("name"),
        row.get("access_token_variable"),
        row.get("enterprises", []),
    )
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingError(
            f"{where} has the name {name!r}; letters, digits, - and _ are accepted, a letter or digit first"
        )
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable) or _HEX_TOKEN.fullmatch(variable):
        raise SettingError(
            f"{where}, connection {name}: access_token_variable must be the name of the environment "
            "variable that holds the token, not the token itself"
        )
    if not isinstance(enterprises, list) or not all(isinstance(id, str) for id in enterprises):
        raise SettingError(f"{where}, connection {name}: enterprises must be a list of ids")
    return Connection(name, variable, tuple(enterprises))
