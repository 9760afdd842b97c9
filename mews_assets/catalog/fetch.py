"""The ways in which a table by windows is fetched, with the limits of Mews' operations.

Lives here: exports, pages, and the two ways to find ids that requests name: those that scopes own, and those of parents
that changed. Not here: tables (`model`), requests that bring tables whole (`reference_model`) or figures
(`series_model`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar

THREE_MONTHS = timedelta(days=89)
"""The longest duration that never exceeds 3 calendar months: February to April of a common year."""


class FetchMethod(StrEnum):
    """How a table is fetched. The value is what `MEWS_FETCH` accepts."""

    EXPORT = "export"
    PAGES = "pages"


@dataclass(frozen=True)
class Export:
    """Fetched by an asynchronous bulk export.

    `filter` is the property of `Filters` the window goes into: `UpdatedUtc` or `Posting`.
    The limits are those of exports/add.
    """

    way: ClassVar[FetchMethod] = FetchMethod.EXPORT
    is_documented: ClassVar[bool] = True

    entity_type: str
    filter: str = "UpdatedUtc"
    max_length: timedelta = timedelta(days=180)
    max_scopes: int = 1000


@dataclass(frozen=True)
class ChangedParents:
    """Records are asked for by the ids of the records of other tables that changed in the window.

    `parameter` is the request's list of their ids, at most `limit` of them; `tables` have the scope kind of the table.
    A window can be asked for once it has landed in all of them.
    """

    parameter: str
    tables: tuple[str, ...]
    limit: int = 1000


@dataclass(frozen=True)
class Pages:
    """Fetched page by page. `records_key` is the list of records in the answer.

    `scope_parameter` is the request's list of scope ids; `parameters` are sent with every request.
    `owned_parameter` is a list that the operation requires: the ids that the scopes own (see `Lookup`).
    `also_filtered_by` are filters of requests besides: what either finds belongs to the window. With `of_parents` no
    filter is sent: the ids of the parents that changed in the window are. With `by_dates` the filter is
    `{Start, End}`, the first and the last day, instead of `{StartUtc, EndUtc}`. An operation that is not
    `is_documented` by Mews is used only for tables that MEWS_FETCH names.
    """

    way: ClassVar[FetchMethod] = FetchMethod.PAGES

    operation: str
    records_key: str
    filter: str = "UpdatedUtc"
    scope_parameter: str = "EnterpriseIds"
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)
    max_length: timedelta = THREE_MONTHS
    max_scopes: int = 1000
    owned_parameter: str = ""
    also_filtered_by: tuple[str, ...] = ()
    of_parents: ChangedParents | None = None
    by_dates: bool = False
    is_documented: bool = True


@dataclass(frozen=True)
class Lookup:
    """The operation that returns the scope of each id, for rows that name something the scope owns, not the scope.

    Its records, under `records_key`, can be requested by id (`ids_parameter`) and by scope (`scope_parameter`), and
    name their scope in `scope_column`.
    """

    operation: str
    records_key: str
    ids_parameter: str
    scope_parameter: str = "EnterpriseIds"
    scope_column: str = "EnterpriseId"
