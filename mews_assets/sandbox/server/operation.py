"""The definition of an operation: its parameters, what they filter, and what its answer holds.

Lives here: dataclasses, and shorthands for them. Not here: the operations (`operations`, `reference_operations`), the
checks of parameters (`request_rules`), and exports (`exports`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mews_assets.sandbox.records.entities import CHAIN_ENTITIES

PAGE_MONTHS = 3
"""The longest interval of most operations, in calendar months."""


@dataclass(frozen=True)
class Lists:
    """A parameter that is an array of strings; `prop` is the property that must be one of them, if it names one."""

    parameter: str
    prop: str
    limit: int = 1000
    required: bool = False


@dataclass(frozen=True)
class Interval:
    """A parameter that is a time interval; `prop` is the instant that it filters, of the bill if `of_bill`.

    With `until` the record's own interval `prop`..`until` must touch it.
    """

    parameter: str
    prop: str
    until: str = ""
    of_bill: bool = False
    months: int = PAGE_MONTHS


@dataclass(frozen=True)
class DayInterval:
    """A required parameter `{Start, End}` of dates, both included, at most `days` of them; `prop` is a date."""

    parameter: str
    prop: str
    days: int


@dataclass(frozen=True)
class Extent:
    """The parts that a body asks for in its Extent.

    `required`: there must be an Extent. `records`: the records themselves come only if it names them. `inactive`: it
    says whether inactive records come too.
    """

    required: bool = True
    records: bool = True
    inactive: bool = False


@dataclass(frozen=True)
class Beside:
    """Records that come in the same answer: those whose `prop` is the `named` of a record of the page.

    With an Extent they come only if it names their key. Without `prop` they all come.
    """

    records_key: str
    entity: str
    prop: str = "Id"
    named: str = "Id"


@dataclass(frozen=True)
class Operation:
    """One operation.

    `one_of`: at least one of these parameters must be given. `extent`: the body says which parts to send.
    `activity`: it takes ActivityStates; without, only active records come, unless it `shows_deleted`. `corrections`:
    without CorrectionState and BillIds only regular bills come. `default_products`: without IncludeDefault the
    products of nights do not come. `beta`: the shape of the 2023 beta. `beside`: other records in the same answer.
    Without `paginated` there is one answer with all records; without `records_key` it is the record itself.
    `max_scopes` is how many enterprises or chains one request may name.
    """

    address: str
    entity: str
    records_key: str
    lists: tuple[Lists, ...] = ()
    intervals: tuple[Interval, ...] = ()
    day_intervals: tuple[DayInterval, ...] = ()
    single: dict[str, str] = field(default_factory=dict, hash=False)
    one_of: tuple[str, ...] = ()
    extent: Extent | None = None
    activity: bool = False
    shows_deleted: bool = False
    default_products: bool = False
    corrections: bool = False
    converts: bool = False
    beta: bool = False
    beside: tuple[Beside, ...] = ()
    paginated: bool = True
    max_scopes: int = 1000

    @property
    def scope_parameter(self) -> str:
        return "ChainIds" if self.entity in CHAIN_ENTITIES else "EnterpriseIds"


def lists(limit: int = 1000, /, **props: str) -> tuple[Lists, ...]:
    return tuple(Lists(parameter, prop, limit) for parameter, prop in props.items())


def times(*props: str) -> tuple[Interval, ...]:
    return tuple(Interval(prop, prop) for prop in props)
