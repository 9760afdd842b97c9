"""Settings: read from the environment once, and checked; each error is one sentence.

Lives here: the variables, their accepted values and defaults. Not here: secrets (settings name the variables that hold
tokens; `read_secret` reads one when a client is made), tables (`table_settings`), paths (`lake_location`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib import metadata

from mews_assets.api.transport.address import read_platform_address
from mews_assets.catalog.model import Table
from mews_assets.catalog.privacy import MIN_KEY_LENGTH, Pii, Privacy
from mews_assets.catalog.reference_model import Reference
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.connections import ACCESS_TOKEN as ACCESS_TOKEN
from mews_assets.connections import Connection as Connection
from mews_assets.connections import read_connections
from mews_assets.lake_location import SettingError as SettingError
from mews_assets.lake_location import read_delta, refuse_no_text
from mews_assets.lake_location import read_lake as read_lake
from mews_assets.log_format import read_log
from mews_assets.secret_variables import FILE, read_secret_text
from mews_assets.table_settings import (
    STANDARD_REFERENCES,
    STANDARD_SERIES,
    read_references,
    read_series,
    read_tables,
)
from mews_assets.windows import DEFAULT_LOOKBACK, Grain, Lookback, read_lookback

CLIENT_TOKEN = "MEWS_CLIENT_TOKEN"  # noqa: S105 - the name of a variable
PII_KEY = "MEWS_PII_KEY"
ALERT_URLS = "MEWS_ALERT_URLS"
"""Contains secrets: read only by the sensor that sends alerts, never kept in settings."""
SERVED_REPORT = "REPORT_OF_MEWS_ASSETS"
"""Where `mews-assets dev` serves the report. Not a setting: an empty one in `.env` would hide it."""
DEFAULT_ADDRESS = "https://api.mews-demo.com"
DEFAULT_CLIENT = f"mews_assets {metadata.version('mews_assets')}"
KEY_PREFIX, GROUP_PREFIX = "MEWS_KEY_PREFIX", "MEWS_GROUP_PREFIX"
VARIABLES = (
    *("MEWS_PLATFORM_ADDRESS", "MEWS_CLIENT_TOKEN", "MEWS_ACCESS_TOKEN", "MEWS_CLIENT", "MEWS_CONNECTIONS"),
    *("MEWS_START_DATE", "MEWS_WINDOW", "MEWS_TABLES", "MEWS_FETCH", "MEWS_LAKE", "MEWS_LANDING_DAYS"),
    "MEWS_RUN_DAYS",
    *("MEWS_PII", "MEWS_PII_KEY", "MEWS_AUTOMATION", "MEWS_POLL_SECONDS", "MEWS_ALLOWED_LAG_HOURS"),
    *("MEWS_LOOKBACK", "MEWS_RECONCILE", "MEWS_MEMORY", "MEWS_PUBLISH", "MEWS_DELTA"),
    *("MEWS_ALERT_URLS", "MEWS_UI_URL", "MEWS_REPORT_URL"),
    "MEWS_LOG",
    *(KEY_PREFIX, GROUP_PREFIX),
)
"""All settings, besides the variables that MEWS_CONNECTIONS names, and those of files."""
FILE_VARIABLES = tuple(name + FILE for name in (CLIENT_TOKEN, ACCESS_TOKEN, PII_KEY, ALERT_URLS))
"""Each names a file that contains the secret."""

DEFAULT_MEMORY = "1GiB"
_MEMORY = re.compile(r"([1-9]\d{0,5})\s*(MiB|GiB)", re.IGNORECASE | re.ASCII)
_MEMORY_LIMITS = (256 << 20, 1 << 40)
"""Bytes. With less memory, a record of 16 MiB, the longest that is read, could not be parsed."""
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1990, 2199
"""The accepted years of a day to fetch: Mews began in 2012. Years far outside cannot be cut into windows."""


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
    references: tuple[Reference, ...] = STANDARD_REFERENCES
    """The reference tables that are read."""
    series: tuple[SeriesTable, ...] = STANDARD_SERIES
    """The series that are read."""
    automation: bool = False
    """Whether sensors and schedules run on a new instance without being turned on."""
    poll_seconds: int = 60
    """Seconds between two ticks of a sensor. Mews suggests about 300 for exports; one request reads all states."""
    lookback: Lookback = DEFAULT_LOOKBACK
    """How far pulls for missing windows reach back over landed windows, for rows that became visible late."""
    allowed_lag: timedelta = timedelta(hours=6)
    """The time after its end until a missing window makes its hotel late: as long as a run waits for an export."""
    client_token_variable: str = CLIENT_TOKEN
    pii: Pii = Pii.KEEP
    """The policy for personal data in the tables; the landing keeps what Mews sent."""
    landing_days: int | None = None
    """Days that captures whose rows are in changes keep their files; None: forever."""
    run_days: int | None = None
    """Days that Dagster keeps runs and their events; None: forever."""
    reconcile: bool = False
    """Whether rows by export are compared with rows by pages each night."""
    memory: int = 1 << 30
    """Bytes of memory that DuckDB may use for one merge."""
    delta: str = ""
    """The folder or URI of the Delta tables; empty if none are published."""
    ui_url: str = ""
    """The address of the Dagster UI, for links in alerts; if empty, alerts name the run instead."""
    key_prefix: tuple[str, ...] = ()
    """The first parts of all asset keys, and the beginning of all other names in Dagster."""
    group_prefix: str = ""
    """The beginning of the names of groups."""

    report_url: str = ""
    """The address at which the report is served, for links in the UI; empty if it is served nowhere."""

    def lookback_of(self, table: Table) -> Lookback:
        """The lookback of a table's pulls: the rows of some tables come later than those of others."""
        return self.lookback.at_least(table.lookback)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment. Raises SettingError for the first variable that cannot be used."""
    for variable in VARIABLES:
        refuse_no_text(environment, variable)
    read_log(environment)
    return Settings(
        platform_address=_address(environment),
        client=environment.get("MEWS_CLIENT", "").strip() or DEFAULT_CLIENT,
        lake=read_lake(environment),
        start=_start(environment),
        grain=_grain(environment),
        tables=read_tables(environment, _grain(environment)),
        connections=read_connections(environment),
        references=read_references(environment),
        series=read_series(environment),
        automation=_automation(environment),
        poll_seconds=_poll_seconds(environment),
        ui_url=_web_address(environment, "MEWS_UI_URL", "a Dagster UI", "https://dagster.example.com"),
        report_url=_web_address(
            environment, "MEWS_REPORT_URL", "the report", "https://reports.example.com/report.html"
        )
        or environment.get(SERVED_REPORT, ""),
        allowed_lag=_allowed_lag(environment),
        lookback=_lookback(environment),
        reconcile=_reconcile(environment),
        pii=_pii(environment),
        landing_days=read_landing_days(environment),
        run_days=_days(environment, "MEWS_RUN_DAYS"),
        memory=read_memory(environment),
        delta=read_delta(environment, read_lake(environment)),
        key_prefix=_key_prefix(environment),
        group_prefix=_group_prefix(environment),
    )


def read_secret(environment: Mapping[str, str], variable: str) -> str:
    """The token in a variable, or in the file that it names. Raises SettingError, which never contains it."""
    value = read_secret_text(environment, variable)
    if not value:
        raise SettingError(
            f"{variable} is not set: it holds a token of the Mews Connector API; put it into .env, or its file's path "
            f"into {variable}{FILE}"
        )
    return value


def read_alert_urls(environment: Mapping[str, str]) -> str:
    """The addresses of alerts, separated by blanks or line ends; empty if there are none. Raises SettingError."""
    return read_secret_text(environment, ALERT_URLS, may_have_lines=True)


def read_privacy(environment: Mapping[str, str], pii: Pii | None = None) -> Privacy:
    """The policy with its key; by default the policy that the environment names. Raises SettingError without a key."""
    pii = _pii(environment) if pii is None else pii
    if pii is not Pii.HASH:
        return Privacy(pii)
    key = read_secret_text(environment, PII_KEY)
    if len(key) < MIN_KEY_LENGTH:
        raise SettingError(
            f"MEWS_PII is 'hash', and {PII_KEY} {'is too short' if key else 'is not set'}: it holds the key of the "
            f"hashes, a secret of at least {MIN_KEY_LENGTH} characters, such as `openssl rand -hex 32` makes. Keep it: "
            "with another one, hashes of before and after do not join"
        )
    return Privacy(pii, key.encode())


def _is_whole(text: str, low: int, high: int) -> bool:
    """Whether a text is a whole number within bounds. Thousands of digits are refused without parsing."""
    return bool(_WHOLE.fullmatch(text)) and low <= int(text) <= high


def _pii(environment: Mapping[str, str]) -> Pii:
    given = (environment.get("MEWS_PII") or Pii.KEEP.value).strip().lower()
    if given not in list(Pii):
        raise SettingError(f"MEWS_PII is {given!r}; accepted are {', '.join(Pii)}")
    return Pii(given)


def read_landing_days(environment: Mapping[str, str]) -> int | None:
    """Days that captures keep their files; None: forever."""
    return _days(environment, "MEWS_LANDING_DAYS")


def _days(environment: Mapping[str, str], variable: str) -> int | None:
    given = environment.get(variable, "").strip()
    if given and not _is_whole(given, 1, 3650):
        raise SettingError(
            f"{variable} is {given[:40]!r}; accepted are whole days from 1 to 3650, or nothing"
        )
    return int(given) if given else None


def read_memory(environment: Mapping[str, str]) -> int:
    """Bytes of memory that DuckDB may use for one merge."""
    given = environment.get("MEWS_MEMORY", "").strip() or DEFAULT_MEMORY
    found = _MEMORY.fullmatch(given)
    memory = int(found[1]) << (20 if found[2].lower() == "mib" else 30) if found else 0
    if not _MEMORY_LIMITS[0] <= memory <= _MEMORY_LIMITS[1]:
        raise SettingError(
            f"MEWS_MEMORY is {given[:40]!r}; accepted are whole MiB or GiB from 256MiB to 1024GiB, "
            f"such as {DEFAULT_MEMORY}"
        )
    return memory


def _address(environment: Mapping[str, str]) -> str:
    given = environment.get("MEWS_PLATFORM_ADDRESS", "").strip().rstrip("/") or DEFAULT_ADDRESS
    try:
        url = read_platform_address(given)
    except ValueError as error:
        raise SettingError(f"MEWS_PLATFORM_ADDRESS: {error}") from None
    if url.path.strip("/"):
        raise SettingError(
            f"MEWS_PLATFORM_ADDRESS is {given!r}; accepted is an address without a path, such as {DEFAULT_ADDRESS}"
        )
    return given


def _start(environment: Mapping[str, str]) -> datetime:
    given = environment.get("MEWS_START_DATE", "").strip()
    try:
        start = datetime.combine(date.fromisoformat(given), datetime.min.time(), UTC)
    except ValueError:
        start = None
    if start is None or not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise SettingError(
            f"MEWS_START_DATE is {given!r}; accepted is the first day to fetch, such as 2026-01-01"
        )
    return start


def _grain(environment: Mapping[str, str]) -> Grain:
    given = environment.get("MEWS_WINDOW") or Grain.DAILY.value
    if given not in list(Grain):
        raise SettingError(f"MEWS_WINDOW is {given!r}; accepted are {', '.join(Grain)}")
    return Grain(given)


def _reconcile(environment: Mapping[str, str]) -> bool:
    return _on_or_off(environment, "MEWS_RECONCILE")


def _automation(environment: Mapping[str, str]) -> bool:
    return _on_or_off(environment, "MEWS_AUTOMATION")


def _on_or_off(environment: Mapping[str, str], variable: str) -> bool:
    given = (environment.get(variable) or "off").strip().lower()
    if given not in ("on", "off"):
        raise SettingError(f"{variable} is {given!r}; accepted are on and off")
    return given == "on"


def _poll_seconds(environment: Mapping[str, str]) -> int:
    given = environment.get("MEWS_POLL_SECONDS") or "60"
    if not _is_whole(given, 5, 3600):
        raise SettingError(f"MEWS_POLL_SECONDS is {given[:40]!r}; accepted are whole seconds from 5 to 3600")
    return int(given)


def _web_address(environment: Mapping[str, str], variable: str, of: str, example: str) -> str:
    """An address that people open, or nothing."""
    given = environment.get(variable, "").strip().rstrip("/")
    if given and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", given):
        # Not repeated: it may contain a password.
        raise SettingError(
            f"{variable} is not the address of {of}; accepted is one such as {example}, "
            "without user and password, for it is shown in messages"
        )
    return given


def _key_prefix(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The parts of the prefix, which are joined by / in asset keys and by two underscores in other names."""
    given = environment.get(KEY_PREFIX, "").strip()
    parts = tuple(given.split("/")) if given else ()
    for part in parts:
        _refuse_no_name(KEY_PREFIX, given, part)
    return parts


def _group_prefix(environment: Mapping[str, str]) -> str:
    given = environment.get(GROUP_PREFIX, "").strip()
    if given:
        _refuse_no_name(GROUP_PREFIX, given, given)
    return given or "__".join(_key_prefix(environment))


def _refuse_no_name(variable: str, given: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name, re.ASCII):
        several = " Several of them may be joined by /" if variable == KEY_PREFIX else ""
        raise SettingError(
            f"{variable} is {given[:80]!r}; accepted is a name of lower-case letters, digits and single underscores, "
            f"such as london, that begins with a letter.{several}"
        )


def _allowed_lag(environment: Mapping[str, str]) -> timedelta:
    given = environment.get("MEWS_ALLOWED_LAG_HOURS") or "6"
    if not _is_whole(given, 1, 168):
        raise SettingError(
            f"MEWS_ALLOWED_LAG_HOURS is {given[:40]!r}; accepted are whole hours from 1 to 168"
        )
    return timedelta(hours=int(given))


def _lookback(environment: Mapping[str, str]) -> Lookback:
    given = environment.get("MEWS_LOOKBACK", "").strip()
    try:
        return read_lookback(given) if given else DEFAULT_LOOKBACK
    except ValueError as error:
        raise SettingError(f"MEWS_LOOKBACK is {given!r}; {error}") from None
