"""The front desk: cash in the till, payment requests, tasks, conversations with guests.

Lives here: the tables cashier_transactions, payment_requests, tasks and message_threads. All are fetched only if they
are named.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, number, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Pages, Table

CASHIER_TRANSACTION_COLUMNS = (
    shapes.row_id("transaction"),
    shapes.ENTERPRISE_ID,
    string("CashierId", "Id of the cashier.", required=True, refers_to="cashiers"),
    string("PaymentId", "Id of the payment it belongs to."),
    shapes.created_utc("transaction"),
    string("Number", "Number of the transaction.", required=True),
    shapes.NOTES,
    record(
        "Amount",
        (
            shapes.CURRENCY,
            number("Value", "Value in the currency; negative if cash was paid out."),
            number("Net", "Value without taxes, in the currency.", deprecated=True),
            number("Tax", "Tax, in the currency.", deprecated=True),
            number("TaxRate", "Tax rate, as a fraction.", deprecated=True),
        ),
        "The cash that was moved.",
        required=True,
    ),
    enum(
        "Type",
        ("CashIn", "CashOut", "CashOutTip", "CashOutExpense", "CashOutFloatAdjustment"),
        "Why the cash was moved.",
    ),
)

PAYMENT_REQUEST_COLUMNS = (
    shapes.row_id("payment request"),
    shapes.ENTERPRISE_ID,
    string("AccountId", "Id of the customer or company that is to pay.", required=True, person=True),
    string("ReservationGroupId", "Id of the reservation group it is for."),
    string("ReservationId", "Id of the reservation it is for."),
    enum(
        "State", ("Pending", "Completed", "Canceled", "Expired"), "What became of the request.", required=True
    ),
    shapes.amount("Amount", "Amount to pay."),
    enum("Type", ("Payment", "Preauthorization"), "Whether to pay, or to let hold.", required=True),
    enum(
        "Reason",
        (
            "Other",
            "PaymentCardMissing",
            "PaymentCardDeclined",
            "Deposit",
            "Prepayment",
            "Fee",
            "RecurringPayment",
        ),
        "Why it was made.",
        required=True,
    ),
    utc("ExpirationUtc", "When it can no longer be paid.", required=True),
    string("Description", "What the payer is told.", required=True, pii=True),
    shapes.NOTES,
    shapes.created_utc("payment request"),
    shapes.updated_utc("payment request"),
    string("CustomerId", "Id of the customer; replaced by AccountId.", deprecated=True, person=True),
)

TASK_COLUMNS = (
    shapes.row_id("task"),
    shapes.ENTERPRISE_ID,
    string("Name", "What is to be done.", required=True, pii=True),
    string("State", "How far it has got.", required=True),
    string("Description", "More on what is to be done.", pii=True),
    string("DepartmentId", "Id of the department that is to do it.", refers_to="departments"),
    string("ServiceOrderId", "Id of the reservation or product service order it is for."),
    shapes.created_utc("task"),
    utc("DeadlineUtc", "Until when it is to be done.", required=True),
    # Required by the letter of the reference, but an open task has not been closed.
    utc("ClosedUtc", "When it was done; empty until then."),
)

MESSAGE_THREAD_COLUMNS = (
    shapes.row_id("thread"),
    string("OriginalSender", "Who began the conversation.", required=True, pii=True),
    string("Subject", "Subject of the conversation.", required=True, pii=True),
    shapes.created_utc("thread"),
    shapes.updated_utc("thread"),
    boolean("IsResolved", "Whether it is over.", required=True),
)

CASHIER_TRANSACTIONS = Table(
    "cashier_transactions",
    "CashierTransaction",
    "One row per version of a cashier transaction: cash put into a till or taken out. Rows do not change.",
    CASHIER_TRANSACTION_COLUMNS,
    Pages("cashierTransactions/getAll", "CashierTransactions", filter="CreatedUtc"),
    window_column="CreatedUtc",
    version_column="CreatedUtc",
    is_standard=False,
)

PAYMENT_REQUESTS = Table(
    "payment_requests",
    "PaymentRequest",
    "One row per version of a payment request sent to a guest or company.",
    PAYMENT_REQUEST_COLUMNS,
    Pages("paymentRequests/getAll", "PaymentRequests"),
    is_standard=False,
)

TASKS = Table(
    "tasks",
    "Task",
    "One row per version of a task of the staff: as it was created, and as it was closed.",
    TASK_COLUMNS,
    Pages("tasks/getAll", "Tasks", filter="CreatedUtc", also_filtered_by=("ClosedUtc",)),
    window_column=None,
    version_column=None,
    is_standard=False,
)

MESSAGE_THREADS = Table(
    "message_threads",
    "MessageThread",
    "One row per version of a conversation with a guest, without its messages.",
    MESSAGE_THREAD_COLUMNS,
    Pages("messageThreads/getAll", "MessageThreads"),
    scope_column=None,
    is_standard=False,
)
