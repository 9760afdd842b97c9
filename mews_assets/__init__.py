"""From the Mews Connector API to a lake of typed, partitioned Parquet tables, as a Dagster code location.

The packages, in reading order:
    windows      half-open windows of time
    catalog      the tables and their columns, one row per table
    api          the client of the Mews Connector API
    lake         the files: captures, changes, current tables
    ingest       planning, pulling, landing and merging partitions
    marts        figures made from the tables, each with a plot
    settings     the settings, read from environment variables: those of tables in table_settings, access tokens in
                 connections, secrets and files of secrets in secret_variables, lake_location checks the lake's
    log_format   lines of the log as text or JSON
    metrics      what a process counts, for Prometheus
    backoff      pauses between tries
    clients      an API client for each connection
    pacing       the request budget that processes share
    alerts       which alerts are sent, and when
    publish      the tables for other tools: Delta, dbt
    defs         Dagster's definitions, exposed by `definitions` and `component`
    sandbox      a server that plays the API, to try against
    cli          the command `mews-assets`
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PUBLIC = {
    "MewsComponent": "mews_assets.component",
    "Settings": "mews_assets.settings",
    "build_definitions": "mews_assets.defs.build",
    "read_settings": "mews_assets.settings",
}
"""What other projects import from here. Each is loaded when it is used: the command needs none of them for --help."""


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
