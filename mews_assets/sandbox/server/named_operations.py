"""The operations of tables that are fetched only if they are named: one row each.

Lives here: addresses, entities, parameters, and the property that each parameter filters. Not here: the other
operations over records that change (`operations`).
"""

from __future__ import annotations

from mews_assets.sandbox.server.operation import Extent, Interval, Lists, Operation, lists, times

_BY_NAME_ONLY = (
    Operation(
        "reservationGroups/getAll",
        "ReservationGroup",
        "ReservationGroups",
        lists=lists(ReservationGroupIds="Id"),
        intervals=times("UpdatedUtc"),
        one_of=("ReservationGroupIds", "UpdatedUtc"),
    ),
    Operation(
        "sourceAssignments/getAll",
        "SourceAssignment",
        "SourceAssignments",
        lists=lists(ReservationGroupIds="ReservationGroupId"),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "sourceAssignments/getAll/2024-09-20",
        "ReservationSourceAssignment",
        "SourceAssignments",
        lists=lists(100, ReservationIds="ReservationId"),
        intervals=(Interval("UpdatedUtc", "UpdatedUtc", months=1),),
        max_scopes=1,
    ),
    Operation(
        "restrictions/getAll",
        "Restriction",
        "Restrictions",
        lists=(Lists("ServiceIds", "ServiceId", required=True), *lists(RestrictionIds="Id")),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "accountNotes/getAll",
        "AccountNote",
        "AccountNotes",
        lists=lists(AccountNoteIds="Id", AccountIds="AccountId"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "addresses/getAll",
        "AccountAddress",
        "Addresses",
        lists=lists(AddressIds="Id", AccountIds="AccountId"),
        intervals=times("UpdatedUtc"),
        one_of=("AccountIds", "AddressIds", "UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "creditCards/getAll",
        "CreditCard",
        "CreditCards",
        lists=lists(CreditCardIds="Id", CustomerIds="CustomerId"),
        intervals=times("UpdatedUtc"),
        one_of=("CreditCardIds", "CustomerIds", "UpdatedUtc"),
    ),
    Operation(
        "loyaltyMemberships/getAll",
        "LoyaltyMembership",
        "LoyaltyMemberships",
        lists=lists(LoyaltyMembershipIds="Id", AccountIds="AccountId", LoyaltyProgramIds="LoyaltyProgramId"),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "cashierTransactions/getAll",
        "CashierTransaction",
        "CashierTransactions",
        lists=lists(CashierTransactionIds="Id"),
        intervals=times("CreatedUtc"),
        one_of=("CashierTransactionIds", "CreatedUtc"),
    ),
    Operation(
        "paymentRequests/getAll",
        "PaymentRequest",
        "PaymentRequests",
        lists=lists(PaymentRequestIds="Id", AccountIds="AccountId", ReservationIds="ReservationId")
        + lists(States="State"),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "tasks/getAll",
        "Task",
        "Tasks",
        lists=lists(TaskIds="Id", DepartmentIds="DepartmentId", ServiceOrderIds="ServiceOrderId"),
        intervals=times("CreatedUtc", "ClosedUtc", "DeadlineUtc"),
    ),
    Operation(
        "messageThreads/getAll",
        "MessageThread",
        "MessageThreads",
        lists=lists(MessageThreadIds="Id"),
        intervals=times("CreatedUtc", "UpdatedUtc"),
        one_of=("MessageThreadIds", "CreatedUtc", "UpdatedUtc"),
    ),
)

_BY_PARENTS = (
    Operation(
        "companionships/getAll",
        "Companionship",
        "Companionships",
        lists=lists(
            CompanionshipIds="Id",
            ReservationIds="ReservationId",
            CustomerIds="CustomerId",
            ReservationGroupIds="ReservationGroupId",
        ),
        intervals=times("UpdatedUtc"),
        one_of=("CompanionshipIds", "ReservationIds", "CustomerIds", "ReservationGroupIds"),
        extent=Extent(records=False),
    ),
    Operation(
        "serviceOrderNotes/getAll",
        "ServiceOrderNote",
        "ServiceOrderNotes",
        lists=(
            Lists("ServiceOrderIds", "OrderId", required=True),
            *lists(ServiceOrderNoteIds="Id", Types="Type"),
        ),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "identityDocuments/getAll",
        "IdentityDocument",
        "IdentityDocuments",
        lists=(
            Lists("CustomerIds", "CustomerId", limit=100, required=True),
            *lists(100, IdentityDocumentIds="Id", Types="Type"),
        ),
    ),
)

NAMED_OPERATIONS = (*_BY_NAME_ONLY, *_BY_PARENTS)
