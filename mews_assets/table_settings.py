"""Which tables are fetched, and how each is: MEWS_TABLES and MEWS_FETCH.

Lives here: reading these two variables against the catalog. Not here: which tables are fetched by
default (`is_standard` of their rows in the catalog), and all other settings (`settings`).
"""

from __future__ import annotations

from collections.abc import Mapping

from mews_assets import catalog
from mews_assets.catalog.entities.reference import REFERENCES
from mews_assets.catalog.entities.series import SERIES
from mews_assets.catalog.model import FetchMethod, Table
from mews_assets.catalog.reference_model import Reference, with_parents
from mews_assets.catalog.series_model import SeriesTable
from mews_assets.lake_location import SettingError
from mews_assets.windows import Grain

STANDARD = "standard"
"""In MEWS_TABLES: every table that is fetched unless the setting says otherwise."""
STANDARD_REFERENCES = with_parents((one for one in REFERENCES if one.is_standard), REFERENCES)
STANDARD_SERIES = tuple(table for table in SERIES if table.is_standard)


def read_tables(environment: Mapping[str, str], grain: Grain) -> tuple[Table, ...]:
    """The tables to fetch by windows, each with its fetch method. Raises SettingError."""
    others = {one.name for one in (*REFERENCES, *SERIES)}
    named = _named_tables(environment)
    given = [name for name in named if name != STANDARD and name not in others]
    try:
        chosen = catalog.tables(given or None)
    except catalog.UnknownTableError as error:
        known = (
            f"{error}; of reference tables and series from {', '.join(sorted(others))}; or {STANDARD} for the "
            "usual tables"
        )
        raise SettingError(f"MEWS_TABLES names {error.name!r}; {known}") from None
    if STANDARD in named:
        chosen = tuple(dict.fromkeys([*catalog.tables(), *chosen]))
    if grain is Grain.HOURLY:
        chosen = _without_days(chosen, named=bool(given))
    # One operation brings outlet items and bills: choosing one table chooses both.
    wanted = {partner.name for table in chosen for partner in catalog.partners(table)}
    # What is asked for by the ids of others needs these.
    wanted |= {name for table in chosen for name in table.parent_tables}
    methods = _fetch_methods(environment)
    return tuple(table.fetched_by(methods[table.name]) for table in catalog.TABLES if table.name in wanted)


def read_references(environment: Mapping[str, str]) -> tuple[Reference, ...]:
    """The reference tables to read: the usual ones, those that MEWS_TABLES names, and what these need."""
    named = set(_named_tables(environment))
    named |= {name for table in read_series(environment) for name in table.parents}
    chosen = [reference for reference in REFERENCES if reference.is_standard or reference.name in named]
    return with_parents(chosen, REFERENCES)


def read_series(environment: Mapping[str, str]) -> tuple[SeriesTable, ...]:
    """The series to read: the usual ones, and those that MEWS_TABLES names."""
    named = set(_named_tables(environment))
    return tuple(table for table in SERIES if table.is_standard or table.name in named)


def _named_tables(environment: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in environment.get("MEWS_TABLES", "").split(",") if name.strip()]


def _fetch_methods(environment: Mapping[str, str]) -> dict[str, FetchMethod]:
    """The fetch method of each table: the catalog's, unless MEWS_FETCH names another for all tables or for one."""
    given = environment.get("MEWS_FETCH", "").strip()
    for_all, by_table = _named_methods(given)
    if unknown := sorted(by_table.keys() - {table.name for table in catalog.TABLES}):
        raise _wrong_fetch(given, f"there is no table {', '.join(unknown)}")
    methods = {}
    for table in catalog.TABLES:
        # A method for all tables does not concern a table that has one documented method only; one for this very
        # table does.
        method = by_table.get(table.name, for_all if for_all in table.documented_methods else table.fetch.way)
        if method not in table.fetch_methods:
            raise _wrong_fetch(given, f"{table.name} comes by {table.fetch.way} only")
        methods[table.name] = FetchMethod(method)
    return methods


def _named_methods(given: str) -> tuple[str | None, dict[str, str]]:
    """The method named for all tables, and those named for single tables."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in given.split(","))):
        name, _, method = (text.strip() for text in (part if "=" in part else f"={part}").partition("="))
        if method not in list(FetchMethod):
            raise _wrong_fetch(given, f"{part!r} names no fetch method")
        if found.setdefault(name, method) != method:
            raise _wrong_fetch(given, f"{name or 'every table'} is given two methods")
    return found.pop("", None), found


def _wrong_fetch(given: str, problem: str) -> SettingError:
    both = ", ".join(table.name for table in catalog.TABLES if len(table.documented_methods) > 1)
    undocumented = ", ".join(
        f"{table.name}={method}"
        for table in catalog.TABLES
        for method in table.fetch_methods
        if method not in table.documented_methods
    )
    return SettingError(
        f"MEWS_FETCH is {given!r}: {problem}; accepted are export or pages for all tables that come by both, and "
        f"<table>=export or <table>=pages for one of {both}, separated by commas; or {undocumented}, "
        "an operation that Mews does not document and may refuse"
    )


def _without_days(chosen: tuple[Table, ...], named: bool) -> tuple[Table, ...]:
    """The tables that hourly windows can filter: a posting date has no hour. A table that was named is an error."""
    by_day = {table.name for table in chosen if table.by_day}
    if by_day and named:
        raise SettingError(
            f"MEWS_WINDOW is 'hourly', but Mews filters {', '.join(sorted(by_day))} by whole days; "
            "accepted is daily or longer, or MEWS_TABLES without them"
        )
    return tuple(table for table in chosen if table.name not in by_day)
