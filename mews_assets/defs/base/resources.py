"""Resources: the Mews platform and the lake, as Dagster hands them to runs.

Lives here: thin wrappers. Tokens are named by their environment variable and read when a client is made, in the process
that runs, so they are in no run config, snapshot or page of the UI. Not here: making a client (`clients`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

import dagster as dg
from pydantic import Field

from mews_assets.api import BRIEF_TIMEOUTS, MewsClient, RequestLimits
from mews_assets.catalog.privacy import Pii
from mews_assets.clients import client_of
from mews_assets.defs.namespace import Namespace
from mews_assets.ingest.directory import (
    Directory,
    discover,
    load_directory,
    save_directory,
    time_at_mews,
)
from mews_assets.lake.storage.duckdb_session import DEFAULT_MEMORY
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.settings import Connection, Settings, read_privacy
from mews_assets.windows import Grain


@dataclass(frozen=True)
class Platform:
    """Open clients by connection, and what they see."""

    clients: dict[str, MewsClient]
    directory: Directory

    def now(self) -> datetime:
        """The time at Mews: its own clock decides what has settled."""
        return time_at_mews(self.clients, datetime.now(UTC), self.directory.clock_skew_seconds)


Context: TypeAlias = (
    dg.OpExecutionContext
    | dg.AssetExecutionContext
    | dg.AssetCheckExecutionContext
    | dg.SensorEvaluationContext
)


class ConnectionConfig(dg.Config):
    """A connection; its token is named, not held."""

    name: str = Field(description="Its name in messages. Example: prague")
    access_token_variable: str = Field(
        description="Environment variable that holds its access token. Example: MEWS_ACCESS_TOKEN_PRAGUE"
    )
    enterprises: list[str] = Field(
        default=[],
        description="Ids of the only hotels to fetch; empty: all that the token sees. "
        'Example: ["52fd68fc-7c59-4b1e-9a0c-2d6f3b1a8e47"]',
    )


class MewsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The Mews platform, through every configured connection."""

    platform_address: str = Field(description="Address of Mews. Example: https://api.mews.com")
    client: str = Field(
        description="Name and version of the integration, as Mews knows it. Example: Acme 1.0"
    )
    client_token_variable: str = Field(
        description="Environment variable that holds the client token. Example: MEWS_CLIENT_TOKEN"
    )
    connections: list[ConnectionConfig] = Field(
        description="One per access token. "
        "Example: [{name: prague, access_token_variable: MEWS_ACCESS_TOKEN_PRAGUE}]"
    )
    lake: str = Field(
        default="",
        description="The lake whose users share the request limit of each token; empty: each client has its own. "
        "Example: s3://bucket/lake",
    )

    @classmethod
    def of(cls, settings: Settings) -> MewsResource:
        return cls(
            platform_address=settings.platform_address,
            client=settings.client,
            client_token_variable=settings.client_token_variable,
            lake=settings.lake,
            connections=[_config(connection) for connection in settings.connections],
        )

    @contextmanager
    def clients(self, *, patient: bool = True) -> Iterator[dict[str, MewsClient]]:
        """Clients for all connections, closed at the end. Asks nothing."""
        with ExitStack() as stack:
            yield {one.name: stack.enter_context(self._client(one, patient)) for one in self.connections}

    @contextmanager
    def open(
        self, directory: Directory | None = None, *, before: Directory | None = None, patient: bool = True
    ) -> Iterator[Platform]:
        """Clients, and what they see: as it was discovered before, or by one request per connection.

        A connection that does not answer is an error, unless `before` says what was seen before. Impatient
        clients try once and wait briefly: for sensors, whose next tick is the next try.
        """
        only = {connection.name: connection.enterprises for connection in self.connections}
        with self.clients(patient=patient) as clients:
            yield Platform(clients, directory or discover(clients, only, before))

    def _client(self, connection: ConnectionConfig, patient: bool) -> MewsClient:
        return client_of(self, connection, None if patient else RequestLimits(1, BRIEF_TIMEOUTS))


def known_directory(lake: Lake, mews: MewsResource) -> Directory:
    """What was discovered last; where nothing was, every connection is asked, and the answer is saved."""
    if (known := load_directory(lake)) is not None:
        return known
    with mews.open() as platform:
        return save_directory(lake, platform.directory, platform.now())


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake: a folder or URI, the grain of its windows, and what it shows of personal data."""

    location: str = Field(description="Folder or URI of the lake. Example: s3://bucket/lake")
    window: str = Field(description="Length of a partition's window. Example: daily")
    pii: str = Field(
        default=Pii.KEEP.value,
        description=f"Personal data: {', '.join(pii.value for pii in Pii)}. Example: {Pii.KEEP.value}",
    )
    memory: int = Field(
        default=DEFAULT_MEMORY, description=f"Bytes that DuckDB may use. Example: {DEFAULT_MEMORY}"
    )

    @classmethod
    def of(cls, settings: Settings) -> LakeResource:
        return cls(
            location=settings.lake,
            window=settings.grain.value,
            pii=settings.pii.value,
            memory=settings.memory,
        )

    def open(self) -> Lake:
        lake = open_lake(self.location, Grain(self.window), read_privacy(os.environ, Pii(self.pii)))
        return replace(lake, memory=self.memory)

    def open_for_state(self) -> Lake:
        """The lake without its privacy policy: for code that writes no rows and must work if MEWS_PII is wrong."""
        return open_lake(self.location, Grain(self.window))


def mews_of(context: Context, namespace: Namespace) -> MewsResource:
    """The Mews platform of the definitions that the op or sensor is of."""
    found: MewsResource = getattr(context.resources, namespace.mews_resource)
    return found


def lake_of(context: Context, namespace: Namespace) -> LakeResource:
    """The lake of the definitions that the op or sensor is of."""
    found: LakeResource = getattr(context.resources, namespace.lake_resource)
    return found


def _config(connection: Connection) -> ConnectionConfig:
    return ConnectionConfig(
        name=connection.name,
        access_token_variable=connection.access_token_variable,
        enterprises=list(connection.enterprises),
    )
