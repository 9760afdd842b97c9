"""The operations that answer with pages: one row each.

Lives here: addresses, entities, parameters, and the property that each parameter filters. Not here: the checks of
parameters (`request_rules`), and exports (`exports`), which have no pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mews_assets.sandbox.records.entities import CHAIN_ENTITIES


@dataclass(frozen=True)
class Lists:
    """A parameter that is an array of strings; `prop` is the property that must be one of them."""

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


@dataclass(frozen=True)
class Operation:
    """One paginated operation.

    `one_of`: at least one of these parameters must be given. `extent`: the body must say which parts to send.
    `activity`: without ActivityStates only active records come. `corrections`: without CorrectionState and BillIds
    only regular bills come. `beta`: the shape of the 2023 beta.
    """

    address: str
    entity: str
    records_key: str
    lists: tuple[Lists, ...] = ()
    intervals: tuple[Interval, ...] = ()
    single: dict[str, str] = field(default_factory=dict, hash=False)
    one_of: tuple[str, ...] = ()
    extent: bool = False
    activity: bool = False
    corrections: bool = False
    converts: bool = False
    beta: bool = False

    @property
    def scope_parameter(self) -> str:
        return "ChainIds" if self.entity in CHAIN_ENTITIES else "EnterpriseIds"


def _lists(limit: int = 1000, /, **props: str) -> tuple[Lists, ...]:
    return tuple(Lists(parameter, prop, limit) for parameter, prop in props.items())


def _times(*props: str) -> tuple[Interval, ...]:
    return tuple(Interval(prop, prop) for prop in props)


_SERVICES_REQUIRED = (Lists("ServiceIds", "ServiceId", required=True),)
_STATES = _lists(States="State")
_OUTLET_FILTERS = ("Ids", "ConsumedUtc", "UpdatedUtc", "ClosedUtc")

_ROWS = (
    Operation(
        "orderItems/getAll",
        "OrderItem",
        "OrderItems",
        lists=_lists(
            OrderItemIds="Id",
            ServiceOrderIds="ServiceOrderId",
            ServiceIds="ServiceId",
            BillIds="BillId",
            AccountingStates="AccountingState",
            Types="Type",
        )
        + _lists(100, AccountIds="AccountId"),
        intervals=_times("CreatedUtc", "UpdatedUtc", "ConsumedUtc", "CanceledUtc", "ClosedUtc"),
        converts=True,
    ),
    Operation(
        "payments/getAll",
        "Payment",
        "Payments",
        lists=_lists(
            PaymentIds="Id",
            BillIds="BillId",
            ReservationIds="ReservationId",
            AccountingStates="AccountingState",
            States="State",
        )
        + _lists(100, AccountIds="AccountId"),
        intervals=_times("CreatedUtc", "UpdatedUtc", "ChargedUtc", "ClosedUtc", "SettlementUtc"),
        single={"Type": "Type"},
        converts=True,
    ),
    Operation(
        "reservations/getAll/2023-06-06",
        "Reservation",
        "Reservations",
        lists=_lists(
            ReservationIds="Id",
            ServiceIds="ServiceId",
            ReservationGroupIds="GroupId",
            AccountIds="AccountId",
            Numbers="Number",
            AssignedResourceIds="AssignedResourceId",
        )
        + _lists(
            100,
            PartnerCompanyIds="PartnerCompanyId",
            TravelAgencyIds="TravelAgencyId",
            ChannelNumbers="ChannelNumber",
            AvailabilityBlockIds="AvailabilityBlockId",
        )
        + _STATES,
        intervals=(
            *_times(
                "CreatedUtc",
                "UpdatedUtc",
                "ScheduledStartUtc",
                "ActualStartUtc",
                "ActualEndUtc",
                "ScheduledEndUtc",
            ),
            Interval("CollidingUtc", "ScheduledStartUtc", until="ScheduledEndUtc"),
        ),
    ),
    Operation(
        "customers/getAll",
        "Customer",
        "Customers",
        lists=_lists(
            CustomerIds="Id",
            Emails="Email",
            FirstNames="FirstName",
            LastNames="LastName",
            LoyaltyCodes="LoyaltyCode",
        )
        + _lists(1, CompanyIds="CompanyId"),
        intervals=_times("CreatedUtc", "UpdatedUtc", "DeletedUtc"),
        extent=True,
        activity=True,
    ),
    Operation(
        "companies/getAll",
        "Company",
        "Companies",
        lists=_lists(
            Ids="Id",
            MotherCompanyIds="MotherCompanyId",
            ExternalIdentifiers="ExternalIdentifier",
            Names="Name",
        ),
        intervals=_times("CreatedUtc", "UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "bills/getAll",
        "Bill",
        "Bills",
        lists=_lists(BillIds="Id", CustomerIds="AccountId", CorrectionState="CorrectionState"),
        intervals=(
            *_times("IssuedUtc", "PaidUtc", "DueUtc", "CreatedUtc", "UpdatedUtc"),
            Interval("ClosedUtc", "IssuedUtc"),
        ),
        single={"State": "State", "Type": "Type"},
        corrections=True,
    ),
    Operation(
        "availabilityAdjustments/getAll",
        "AvailabilityAdjustment",
        "AvailabilityAdjustments",
        lists=_lists(AvailabilityAdjustmentIds="Id"),
        intervals=_times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "availabilityBlocks/getAll",
        "AvailabilityBlock",
        "AvailabilityBlocks",
        lists=_lists(
            ServiceIds="ServiceId",
            AvailabilityBlockIds="Id",
            ExternalIdentifiers="ExternalIdentifier",
        )
        + _STATES,
        intervals=(
            *_times("CreatedUtc", "UpdatedUtc", "ReleasedUtc"),
            Interval("CollidingUtc", "FirstTimeUnitStartUtc", until="LastTimeUnitStartUtc"),
        ),
        extent=True,
        activity=True,
    ),
    Operation(
        "resourceBlocks/getAll",
        "ResourceBlock",
        "ResourceBlocks",
        lists=_lists(ResourceBlockIds="Id", AssignedResourceIds="AssignedResourceId"),
        intervals=(*_times("CreatedUtc", "UpdatedUtc"), Interval("CollidingUtc", "StartUtc", until="EndUtc")),
        activity=True,
    ),
    Operation(
        "outletItems/getAll",
        "OutletItem",
        "OutletItems",
        lists=_lists(Ids="Id"),
        intervals=(
            Interval("ConsumedUtc", "ConsumedUtc"),
            Interval("UpdatedUtc", "UpdatedUtc", of_bill=True),
            Interval("ClosedUtc", "ClosedUtc", of_bill=True),
        ),
        one_of=_OUTLET_FILTERS,
        converts=True,
    ),
    Operation(
        "productServiceOrders/getAll",
        "ProductServiceOrder",
        "ProductServiceOrders",
        lists=_SERVICES_REQUIRED
        + _lists(
            ProductServiceOrderIds="Id", AccountIds="AccountId", LinkedReservationIds="LinkedReservationId"
        )
        + _STATES,
        intervals=_times("UpdatedUtc"),
    ),
    Operation(
        "serviceOrders/productServiceOrders/getAlll",
        "ProductServiceOrder",
        "ProductServiceOrders",
        lists=_SERVICES_REQUIRED + _lists(ProductServiceOrderIds="Id", AccountIds="AccountId") + _STATES,
        intervals=(*_times("UpdatedUtc"), Interval("CollidingUtc", "CreatedUtc", until="UpdatedUtc")),
        beta=True,
    ),
    Operation(
        "serviceOrders/reservations/getAlll",
        "Reservation",
        "Reservations",
        lists=_SERVICES_REQUIRED + _lists(ReservationIds="Id", AccountIds="AccountId") + _STATES,
        intervals=(
            *_times("UpdatedUtc"),
            Interval("CollidingUtc", "ScheduledStartUtc", until="ScheduledEndUtc"),
        ),
        beta=True,
    ),
    Operation(
        "enterprises/getAll",
        "Enterprise",
        "Enterprises",
        lists=_lists(ExternalIdentifiers="ExternalIdentifier"),
        intervals=_times("LinkedUtc", "UpdatedUtc"),
    ),
    Operation(
        "services/getAll",
        "Service",
        "Services",
        lists=_lists(ServiceIds="Id"),
        intervals=_times("UpdatedUtc"),
        single={"ServiceType": "Data.Discriminator"},
    ),
    Operation(
        "outlets/getAll", "Outlet", "Outlets", lists=_lists(OutletIds="Id"), intervals=_times("UpdatedUtc")
    ),
    Operation(
        "accountingCategories/getAll",
        "AccountingCategory",
        "AccountingCategories",
        lists=_lists(AccountingCategoryIds="Id"),
        intervals=_times("UpdatedUtc"),
        activity=True,
    ),
)

OPERATIONS = {operation.address: operation for operation in _ROWS}
EXPORT_OPERATIONS = ("exports/add", "exports/getAll")
