"""Clients: making an API client from settings.

Lives here: reading the two tokens from the environment when a client is made, and the pacing that all processes on one
lake share. Not here: which connections there are
(`connections`), and how a client sends requests (`api`).
"""

from __future__ import annotations

import os
from typing import Protocol

from mews_assets.api import Credentials, MewsClient, RequestLimits
from mews_assets.api.runtime import Runtime
from mews_assets.metrics import count_request
from mews_assets.pacing.shared import shared_pacing
from mews_assets.settings import read_secret


class PlatformSettings(Protocol):
    """The platform address, the variable that contains the client token, and the lake whose users share the request
    limit; if empty, each client has its own."""

    @property
    def platform_address(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def client_token_variable(self) -> str: ...
    @property
    def lake(self) -> str: ...


class NamedConnection(Protocol):
    """A connection, and the variable that contains its access token."""

    @property
    def name(self) -> str: ...
    @property
    def access_token_variable(self) -> str: ...


def client_of(
    platform: PlatformSettings, connection: NamedConnection, limits: RequestLimits | None = None
) -> MewsClient:
    """The client of one connection. Raises SettingError if a token is not set."""
    credentials = Credentials(
        read_secret(os.environ, platform.client_token_variable),
        read_secret(os.environ, connection.access_token_variable),
        platform.client,
    )
    pacing = None
    if platform.lake:
        pacing = shared_pacing(platform.lake, platform.platform_address, credentials.access_token)
    return MewsClient(
        platform.platform_address,
        credentials,
        connection=connection.name,
        pacing=pacing,
        runtime=Runtime(count=count_request),
        limits=limits or RequestLimits(),
    )
