"""Clients: how settings become an API client.

Lives here: reading the two tokens from the environment at the moment a client is made, and giving it the
connection's name. Not here: which connections there are (`settings`), and how a client asks (`api`).
"""

from __future__ import annotations

import os
from typing import Protocol

from mews_assets.api import Credentials, MewsClient, RequestLimits
from mews_assets.settings import read_secret


class PlatformSettings(Protocol):
    """Where Mews is, and the variable that holds the client token."""

    @property
    def platform_address(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def client_token_variable(self) -> str: ...


class NamedConnection(Protocol):
    """A connection, and the variable that holds its access token."""

    @property
    def name(self) -> str: ...
    @property
    def access_token_variable(self) -> str: ...


def client_of(
    platform: PlatformSettings, connection: NamedConnection, limits: RequestLimits | None = None
) -> MewsClient:
    """The client of one connection. Raises SettingError where a token is not set."""
    credentials = Credentials(
        read_secret(os.environ, platform.client_token_variable),
        read_secret(os.environ, connection.access_token_variable),
        platform.client,
    )
    return MewsClient(
        platform.platform_address,
        credentials,
        connection=connection.name,
        limits=limits or RequestLimits(),
    )
