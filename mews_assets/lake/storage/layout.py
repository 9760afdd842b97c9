"""The path of every file of the lake. No other module spells one.

Paths are relative to the lake's root, with `/`. Folders of tables are Hive style, so that pandas, Polars,
DuckDB and Spark read `changes/<table>` with its partition columns in one line.

    lake.json                                          the lake's format and the grain of its windows
    landing/<table>/<capture>/part-00001.jsonl.zst     bytes as Mews sent them
    landing/<table>/<capture>/manifest.json            what the capture holds; written last
    landing/<table>.snapshot/<capture>/                the same, of exports of all records of a scope
    changes/<table>/scope=<id>/window=<key>/rows.parquet
    snapshot/<table>/scope=<id>/rows.parquet           the newest version of each record in those exports
    current/<table>/scope=<id>/rows.parquet            the newest version of each record
    reference/<table>/rows.parquet
    series/<table>/scope=<id>/window=<YYYY-MM>/rows.parquet
                                                       figures of the days of one month, and when they were asked
    marts/<name>/rows.parquet                          rows of a mart, and its plot.png in the same folder
    report.html                                        figures and plots of all marts, to be read offline
    lake.duckdb                                        SQL views over all tables
    state/directory.json                               enterprises and chains, and the connection of each
    state/pending/<table>/<capture>.json               landed, not yet in changes
    state/rejected/<table>/<capture>.json              landed, and cannot become rows
    state/set_aside/<table>/<capture>.json             landed, and ended every merge that took it along
    state/boundary/<table>/scope=<id>/window=<key>/<capture>.parquet
                                                       rows that came before their window was requested
    state/exports/<connection>/<export>.json           exports requested and not yet landed
    state/forgotten.json                               erased customers, whose data may come again
    state/forgetting/<customer>.json                   texts that an unfinished erasure still has to search for
    state/leases/<work>.json                           who works on what, where the lake is in an object store
    state/pacing/<token>.json                          how machines share the requests of an access token
    state/statistics/<table>.arrow                     rows, bytes and newest stamp of each file of changes
    state/alerts/<Dagster instance>.json               open incidents, and messages not delivered yet
"""

from __future__ import annotations

import re

LAKE_FILE = "lake.json"
LANDING = "landing"
CHANGES = "changes"
SNAPSHOT = "snapshot"
CURRENT = "current"
REFERENCE = "reference"
SERIES = "series"
MARTS = "marts"
ROWS_FILE = "rows.parquet"
MANIFEST_FILE = "manifest.json"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def safe_name(name: str) -> str:
    """The name, if it is safe in a path. Ids come from outside: one with a `/` could point outside the lake.

    Raises ValueError on any other name.
    """
    if not _SAFE.fullmatch(name):
        raise ValueError(
            f"{name[:120]!r} cannot be a name in the lake: use letters, digits, '.', '_' and '-' only"
        )
    return name


def landing_folder(table: str) -> str:
    return f"{LANDING}/{table}"


def snapshot_landing(table: str) -> str:
    """The name under which a table's snapshots land, apart from its windows."""
    return f"{table}.{SNAPSHOT}"


def landings(table: str) -> tuple[str, str]:
    """The names under which a table's captures land: its windows, and its snapshots."""
    return table, snapshot_landing(table)


def landed_table(landing: str) -> str:
    """The table of a name from `landings`."""
    return landing.removesuffix(f".{SNAPSHOT}")


def capture_folder(table: str, capture: str) -> str:
    return f"{LANDING}/{table}/{safe_name(capture)}"


def landed_file(table: str, capture: str, number: int) -> str:
    return f"{capture_folder(table, capture)}/part-{number:05}.jsonl.zst"


def manifest(table: str, capture: str) -> str:
    return f"{capture_folder(table, capture)}/{MANIFEST_FILE}"


def changes_folder(table: str) -> str:
    return f"{CHANGES}/{table}"


def scope_folder(table: str, scope: str) -> str:
    return f"{CHANGES}/{table}/scope={safe_name(scope)}"


def changes_file(table: str, scope: str, window_key: str) -> str:
    return f"{scope_folder(table, scope)}/window={safe_name(window_key)}/{ROWS_FILE}"


def window_of(folder: str) -> str:
    """The window key of a folder `window=<key>`."""
    return folder.removeprefix("window=")


def partition_of(changes_name: str) -> tuple[str, str]:
    """The scope and window key of a file of changes or of a series: the reverse of `changes_file`."""
    scope, window = changes_name.split("/")[-3:-1]
    return scope.removeprefix("scope="), window.removeprefix("window=")


def snapshot_folder(table: str) -> str:
    return f"{SNAPSHOT}/{table}"


def snapshot_file(table: str, scope: str) -> str:
    return f"{snapshot_folder(table)}/scope={safe_name(scope)}/{ROWS_FILE}"


def current_folder(table: str) -> str:
    return f"{CURRENT}/{table}"


def current_file(table: str, scope: str) -> str:
    return f"{current_folder(table)}/scope={safe_name(scope)}/{ROWS_FILE}"


def scope_of(name: str) -> str:
    """The scope of a file of changes, snapshot, current, series or boundary."""
    return next(part for part in name.split("/") if part.startswith("scope=")).removeprefix("scope=")


def table_of(name: str) -> str:
    """The table whose records a file holds; empty for a file without records."""
    parts = name.removeprefix("state/boundary/").split("/")
    at = 0 if name.startswith("state/boundary/") else 1
    known = (LANDING, CHANGES, SNAPSHOT, CURRENT, REFERENCE)
    return landed_table(parts[at]) if len(parts) > at and (at == 0 or parts[0] in known) else ""


def is_our_own(name: str) -> bool:
    """Whether a file without records holds only what the project wrote, hotels' names included: no guest's data."""
    ours = name in (LAKE_FILE, catalog_file(), report_file(), directory_file(), erasure_list_file())
    folders = ("state/pending/", "state/exports/", "state/leases/", "state/pacing/", "state/statistics/")
    return ours or name.startswith(folders) or name.endswith(f"/{MANIFEST_FILE}")


def reference_file(table: str) -> str:
    return f"{REFERENCE}/{table}/{ROWS_FILE}"


def series_folder(table: str) -> str:
    return f"{SERIES}/{table}"


def series_file(table: str, scope: str, month: str) -> str:
    return f"{series_folder(table)}/scope={safe_name(scope)}/window={safe_name(month)}/{ROWS_FILE}"


def mart_file(name: str) -> str:
    return f"{MARTS}/{name}/{ROWS_FILE}"


def mart_plot(name: str) -> str:
    return f"{MARTS}/{name}/plot.png"


def report_file() -> str:
    return "report.html"


def catalog_file() -> str:
    return "lake.duckdb"


def directory_file() -> str:
    return "state/directory.json"


def erasure_list_file() -> str:
    return "state/forgotten.json"


def pending_searches_folder() -> str:
    return "state/forgetting"


def pending_search_file(person: str) -> str:
    return f"{pending_searches_folder()}/{safe_name(person)}.json"


def lease_file(name: str) -> str:
    return f"state/leases/{safe_name(name)}.json"


def pacing_file(token: str) -> str:
    return f"state/pacing/{safe_name(token)}.json"


def statistics_file(table: str) -> str:
    return f"state/statistics/{safe_name(table)}.arrow"


def alerts_file(instance: str) -> str:
    return f"state/alerts/{safe_name(instance)}.json"


def trial_file() -> str:
    """A file that is written and removed to test whether the lake can be written."""
    return "state/written-to-try"


def pending_folder(table: str) -> str:
    return f"state/pending/{table}"


def pending_file(table: str, capture: str) -> str:
    return f"{pending_folder(table)}/{safe_name(capture)}.json"


def rejected_tables_folder() -> str:
    return "state/rejected"


def rejected_folder(table: str) -> str:
    return f"state/rejected/{table}"


def rejected_file(table: str, capture: str) -> str:
    return f"{rejected_folder(table)}/{safe_name(capture)}.json"


def set_aside_folder(table: str) -> str:
    return f"state/set_aside/{table}"


def set_aside_file(table: str, capture: str) -> str:
    return f"{set_aside_folder(table)}/{safe_name(capture)}.json"


def boundary_tables_folder(table: str) -> str:
    return f"state/boundary/{table}"


def boundary_folder(table: str, scope: str) -> str:
    return f"{boundary_tables_folder(table)}/scope={safe_name(scope)}"


def boundary_file(table: str, scope: str, window_key: str, capture: str) -> str:
    return f"{boundary_folder(table, scope)}/window={safe_name(window_key)}/{safe_name(capture)}.parquet"


def exports_folder(connection: str) -> str:
    return f"state/exports/{safe_name(connection)}"


def export_file(connection: str, export: str) -> str:
    return f"{exports_folder(connection)}/{safe_name(export)}.json"
