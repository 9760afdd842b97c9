"""The operations over records that change, and those that need no others: one row each.

Lives here: addresses, entities, parameters, and the property that each parameter filters. Not here: the
operations of tables that are fetched only if named (`named_operations`), those over reference tables
(`reference_operations`), the checks of parameters (`request_rules`), and exports
(`exports`).
"""

from __future__ import annotations

from mews_assets.sandbox.server.named_operations import NAMED_OPERATIONS
from mews_assets.sandbox.server.operation import (
    Beside,
    DayInterval,
    Extent,
    Interval,
    Lists,
    Operation,
    lists,
    times,
)
from mews_assets.sandbox.server.reference_operations import REFERENCE_OPERATIONS

_SERVICES_REQUIRED = (Lists("ServiceIds", "ServiceId", required=True),)
_STATES = lists(States="State")
_OUTLET_FILTERS = ("Ids", "ConsumedUtc", "UpdatedUtc", "ClosedUtc")

_ROWS = (
    Operation(
        "orderItems/getAll",
        "OrderItem",
        "OrderItems",
        lists=lists(
            OrderItemIds="Id",
            ServiceOrderIds="ServiceOrderId",
            ServiceIds="ServiceId",
            BillIds="BillId",
            AccountingStates="AccountingState",
            Types="Type",
        )
        + lists(100, AccountIds="AccountId"),
        intervals=times("CreatedUtc", "UpdatedUtc", "ConsumedUtc", "CanceledUtc", "ClosedUtc"),
        converts=True,
    ),
    Operation(
        "payments/getAll",
        "Payment",
        "Payments",
        lists=lists(
            PaymentIds="Id",
            BillIds="BillId",
            ReservationIds="ReservationId",
            AccountingStates="AccountingState",
            States="State",
        )
        + lists(100, AccountIds="AccountId"),
        intervals=times("CreatedUtc", "UpdatedUtc", "ChargedUtc", "ClosedUtc", "SettlementUtc"),
        single={"Type": "Type"},
        converts=True,
    ),
    Operation(
        "reservations/getAll/2023-06-06",
        "Reservation",
        "Reservations",
        lists=lists(
            ReservationIds="Id",
            ServiceIds="ServiceId",
            ReservationGroupIds="GroupId",
            AccountIds="AccountId",
            Numbers="Number",
            AssignedResourceIds="AssignedResourceId",
        )
        + lists(
            100,
            PartnerCompanyIds="PartnerCompanyId",
            TravelAgencyIds="TravelAgencyId",
            ChannelNumbers="ChannelNumber",
            AvailabilityBlockIds="AvailabilityBlockId",
        )
        + _STATES,
        intervals=(
            *times(
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
        lists=lists(
            CustomerIds="Id",
            Emails="Email",
            FirstNames="FirstName",
            LastNames="LastName",
            LoyaltyCodes="LoyaltyCode",
        )
        + lists(1, CompanyIds="CompanyId"),
        intervals=times("CreatedUtc", "UpdatedUtc", "DeletedUtc"),
        extent=Extent(),
        activity=True,
    ),
    Operation(
        "companies/getAll",
        "Company",
        "Companies",
        lists=lists(
            Ids="Id",
            MotherCompanyIds="MotherCompanyId",
            ExternalIdentifiers="ExternalIdentifier",
            Names="Name",
        ),
        intervals=times("CreatedUtc", "UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "bills/getAll",
        "Bill",
        "Bills",
        lists=lists(BillIds="Id", CustomerIds="AccountId", CorrectionState="CorrectionState"),
        intervals=(
            *times("IssuedUtc", "PaidUtc", "DueUtc", "CreatedUtc", "UpdatedUtc"),
            Interval("ClosedUtc", "IssuedUtc"),
        ),
        single={"State": "State", "Type": "Type"},
        corrections=True,
    ),
    Operation(
        "availabilityAdjustments/getAll",
        "AvailabilityAdjustment",
        "AvailabilityAdjustments",
        lists=lists(AvailabilityAdjustmentIds="Id"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "availabilityBlocks/getAll",
        "AvailabilityBlock",
        "AvailabilityBlocks",
        lists=lists(
            ServiceIds="ServiceId",
            AvailabilityBlockIds="Id",
            ExternalIdentifiers="ExternalIdentifier",
        )
        + _STATES,
        intervals=(
            *times("CreatedUtc", "UpdatedUtc", "ReleasedUtc"),
            Interval("CollidingUtc", "FirstTimeUnitStartUtc", until="LastTimeUnitStartUtc"),
        ),
        extent=Extent(),
        activity=True,
    ),
    Operation(
        "resourceBlocks/getAll",
        "ResourceBlock",
        "ResourceBlocks",
        lists=lists(ResourceBlockIds="Id", AssignedResourceIds="AssignedResourceId"),
        intervals=(*times("CreatedUtc", "UpdatedUtc"), Interval("CollidingUtc", "StartUtc", until="EndUtc")),
        activity=True,
    ),
    Operation(
        "outletItems/getAll",
        "OutletItem",
        "OutletItems",
        lists=lists(Ids="Id"),
        intervals=(
            Interval("ConsumedUtc", "ConsumedUtc"),
            Interval("UpdatedUtc", "UpdatedUtc", of_bill=True),
            Interval("ClosedUtc", "ClosedUtc", of_bill=True),
        ),
        one_of=_OUTLET_FILTERS,
        converts=True,
        beside=(Beside("OutletBills", "OutletBill", named="BillId"),),
    ),
    Operation(
        "productServiceOrders/getAll",
        "ProductServiceOrder",
        "ProductServiceOrders",
        lists=_SERVICES_REQUIRED
        + lists(
            ProductServiceOrderIds="Id", AccountIds="AccountId", LinkedReservationIds="LinkedReservationId"
        )
        + _STATES,
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "serviceOrders/productServiceOrders/getAlll",
        "ProductServiceOrder",
        "ProductServiceOrders",
        lists=_SERVICES_REQUIRED + lists(ProductServiceOrderIds="Id", AccountIds="AccountId") + _STATES,
        intervals=(*times("UpdatedUtc"), Interval("CollidingUtc", "CreatedUtc", until="UpdatedUtc")),
        beta=True,
    ),
    Operation(
        "serviceOrders/reservations/getAlll",
        "Reservation",
        "Reservations",
        lists=_SERVICES_REQUIRED + lists(ReservationIds="Id", AccountIds="AccountId") + _STATES,
        intervals=(
            *times("UpdatedUtc"),
            Interval("CollidingUtc", "ScheduledStartUtc", until="ScheduledEndUtc"),
        ),
        beta=True,
    ),
    Operation(
        "enterprises/getAll",
        "Enterprise",
        "Enterprises",
        lists=lists(ExternalIdentifiers="ExternalIdentifier"),
        intervals=times("LinkedUtc", "UpdatedUtc"),
    ),
    Operation(
        "services/getAll",
        "Service",
        "Services",
        lists=lists(ServiceIds="Id"),
        intervals=times("UpdatedUtc"),
        single={"ServiceType": "Data.Discriminator"},
    ),
    Operation(
        "outlets/getAll", "Outlet", "Outlets", lists=lists(OutletIds="Id"), intervals=times("UpdatedUtc")
    ),
    Operation(
        "accountingCategories/getAll",
        "AccountingCategory",
        "AccountingCategories",
        lists=lists(AccountingCategoryIds="Id"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
)

OPERATIONS = {
    operation.address: operation for operation in (*_ROWS, *NAMED_OPERATIONS, *REFERENCE_OPERATIONS)
}
LEDGER_PAGES = Operation(
    "ledgerEntries/getAll",
    "LedgerEntry",
    "LedgerEntries",
    lists=(Lists("LedgerTypes", "LedgerType", required=True),),
    day_intervals=(DayInterval("PostingDate", "PostingDate", days=1),),
)
"""Not in Mews' reference: served only where the sandbox is started with it. One day and its ledgers, as clients ask."""
EXPORT_OPERATIONS = ("exports/add", "exports/getAll")
