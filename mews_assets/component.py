"""The Dagster component: the definitions of this project in somebody else's Dagster project.

Lives here: the attributes of the component's YAML file, each translated to a setting. `dg list components` shows it and
`dg scaffold defs mews_assets.MewsComponent mews` writes its file. Not here: reading settings (`settings`) and building
definitions (`defs.build`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import Field

from mews_assets.connections import ACCESS_TOKEN, check_connections
from mews_assets.settings import (
    CLIENT_TOKEN,
    DEFAULT_ADDRESS,
    GROUP_PREFIX,
    KEY_PREFIX,
    PII_KEY,
    Settings,
    read_settings,
)


class MewsConnection(dg.Model, dg.Resolvable):
    """An access token, named by the environment variable that holds it."""

    name: Annotated[str, Field(description="Name of the connection in messages.", examples=["prague"])]
    access_token_variable: Annotated[
        str,
        Field(
            description="Environment variable that holds the access token.",
            examples=["MEWS_ACCESS_TOKEN_PRAGUE"],
        ),
    ] = ACCESS_TOKEN
    enterprises: Annotated[
        tuple[str, ...],
        Field(description="Ids of the only enterprises to fetch; empty: all that the token sees."),
    ] = ()


class MewsScaffolder(dg.Scaffolder):
    """Writes a file whose attributes are complete: everything else has a default."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write `defs.yaml`."""
        attributes = {
            "platform_address": DEFAULT_ADDRESS,
            "client_token_variable": CLIENT_TOKEN,
            "connections": [{"name": "default", "access_token_variable": ACCESS_TOKEN}],
            "start_date": "2026-01-01",
            "lake": "data/lake",
        }
        dg.scaffold_component(request, attributes)


@dg.scaffold_with(MewsScaffolder)
class MewsComponent(dg.Component, dg.Model, dg.Resolvable):
    """Mews data as Parquet tables: assets, checks, sensors, schedules and jobs. Secrets are named by variables."""

    start_date: Annotated[str, Field(description="First day to fetch.", examples=["2026-01-01"])]
    lake: Annotated[
        str, Field(description="Folder or URI of the lake.", examples=["data/lake", "s3://bucket/lake"])
    ]
    platform_address: Annotated[
        str | None,
        Field(description="Address of Mews. Default: its demo.", examples=["https://api.mews.com"]),
    ] = None
    client: Annotated[
        str | None,
        Field(description="Name and version of your integration, as Mews knows it.", examples=["Acme 1.0"]),
    ] = None
    client_token_variable: Annotated[
        str, Field(description="Environment variable that holds the client token.", examples=[CLIENT_TOKEN])
    ] = CLIENT_TOKEN
    connections: Annotated[
        tuple[MewsConnection, ...],
        Field(description=f"One per access token. Default: one, whose token is in {ACCESS_TOKEN}."),
    ] = ()
    window: Annotated[
        Literal["hourly", "daily", "weekly", "monthly"], Field(description="Length of a partition's window.")
    ] = "daily"
    tables: Annotated[
        tuple[str, ...],
        Field(description="The only tables to fetch; empty: the standard ones.", examples=[["payments"]]),
    ] = ()
    fetch: Annotated[
        str | None,
        Field(
            description="How tables are fetched that exports and pages both bring.",
            examples=["pages", "reservations=pages,order_items=export"],
        ),
    ] = None
    pii: Annotated[
        Literal["keep", "hash", "drop"],
        Field(
            description=f"What the tables show of guests' personal data; hash reads its key from {PII_KEY}."
        ),
    ] = "keep"
    automation: Annotated[
        bool, Field(description="Whether sensors and schedules run without being turned on in the UI.")
    ] = False
    key_prefix: Annotated[
        str,
        Field(
            description="Begins all asset keys and all names of groups, jobs, sensors, schedules, pools, resources and "
            "partition sets, so that two of these components, or assets of yours, do not clash.",
            examples=["mews", "hotels/london"],
        ),
    ] = ""
    group_prefix: Annotated[
        str,
        Field(description="Begins the names of groups in place of the key prefix.", examples=["mews"]),
    ] = ""
    settings: Annotated[
        dict[str, str | int | float] | None,
        Field(
            description="Any other setting by its name in .env.example.",
            examples=[{"MEWS_LANDING_DAYS": "30"}],
        ),
    ] = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions. Raises SettingError for an attribute that cannot be used.

        Without an executor: a project has one, which it may choose.
        """
        from mews_assets.defs.build import build_definitions

        return build_definitions(self.read_settings(), executor=None)

    def read_settings(self) -> Settings:
        """The settings that the attributes stand for. Variables of the environment do not change them."""
        given = {
            "MEWS_START_DATE": self.start_date,
            "MEWS_LAKE": self.lake,
            "MEWS_PLATFORM_ADDRESS": self.platform_address,
            "MEWS_CLIENT": self.client,
            "MEWS_WINDOW": self.window,
            "MEWS_TABLES": ",".join(self.tables),
            "MEWS_FETCH": self.fetch,
            "MEWS_PII": self.pii,
            "MEWS_AUTOMATION": "on" if self.automation else "off",
            KEY_PREFIX: self.key_prefix,
            GROUP_PREFIX: self.group_prefix,
        }
        environment = {name: value for name, value in given.items() if value} | {
            name: str(value) for name, value in (self.settings or {}).items()
        }
        settings = replace(read_settings(environment), client_token_variable=self.client_token_variable)
        if not self.connections:
            return settings
        rows = [connection.model_dump(mode="json") for connection in self.connections]
        return replace(settings, connections=check_connections("the component's connections", rows))
