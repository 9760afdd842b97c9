"""Payments: money that guests and companies paid, or are to pay.

Lives here: the table payments. Not here: payments taken in outlets (see `outlets`).
"""

from __future__ import annotations

from mews_assets.catalog.bookkeeping import Sign
from mews_assets.catalog.columns import enum, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Pages, Table

TYPES = (
    "Payment",
    "CreditCardPayment",
    "AlternativePayment",
    "CashPayment",
    "InvoicePayment",
    "ExternalPayment",
    "GhostPayment",
    "TaxDeductedPayment",
)

INVOICE_TYPES = (
    "Receivable",
    "Balancing",
    "UnderpaymentBalancingReceivable",
    "OverpaymentBalancingReceivable",
    "Overpayment",
)

EXTERNAL_TYPES = (
    "Unspecified",
    "BadDebts",
    "Bacs",
    "WireTransfer",
    "Invoice",
    "ExchangeRateDifference",
    "Complimentary",
    "Reseller",
    "ExchangeRoundingDifference",
    "Barter",
    "Commission",
    "BankCharges",
    "CrossSettlement",
    "Cash",
    "CreditCard",
    "Prepayment",
    "Cheque",
    "Bancontact",
    "IDeal",
    "PayPal",
    "GiftCard",
    "LoyaltyPoints",
    "ChequeVacances",
    "OnlinePayment",
    "CardCheck",
    "PaymentHubRedirection",
    "Voucher",
    "MasterCard",
    "Visa",
    "Amex",
    "Discover",
    "DinersClub",
    "Jcb",
    "UnionPay",
    "Twint",
    "Reka",
    "LoyaltyCard",
    "PosDiningAndSpaReward",
    "DirectDebit",
    "DepositCheck",
    "DepositCash",
    "DepositCreditCard",
    "DepositWireTransfer",
)

ORIGINS = (
    "Other",
    "System",
    "Operations",
    "AutomaticPayment",
    "PaymentRequest",
    "BookingEngine",
    "Api",
    "Terminal",
    "ChannelManager",
    "OnlineCheckout",
    "BillBalancing",
    "OnlineCheckin",
    "PointOfSales",
    "PaymentToInvoiceLinking",
)

CREDIT_CARD = record(
    "CreditCard",
    (
        string("CreditCardId", "Id of the credit card."),
        record(
            "Transaction",
            (
                string("PaymentId", "Id of the payment the transaction carried out.", required=True),
                string("SettlementId", "Id of the settlement that paid it out."),
                utc("SettledUtc", "When it was settled."),
                shapes.amount("Fee", "Fee of the transaction.", required=False),
                shapes.amount("AdjustedFee", "Fee after adjustments.", required=False),
                shapes.amount("ChargedAmount", "Amount charged to the card."),
                shapes.amount("SettledAmount", "Amount paid out.", required=False),
            ),
            "The card transaction behind the payment.",
        ),
    ),
    "Details of a credit card payment.",
)

DATA = record(
    "Data",
    (
        enum(
            "Discriminator",
            ("CreditCard", "Invoice", "External", "Ghost", "Alternative"),
            "Which one of the details is filled.",
            required=True,
        ),
        CREDIT_CARD,
        record(
            "Invoice",
            (
                string("InvoiceId", "Id of the invoice (a bill) it stands for."),
                enum("Type", INVOICE_TYPES, "What the invoice payment is.", required=True),
            ),
            "Details of an invoice payment.",
        ),
        record(
            "External",
            (
                enum("Type", EXTERNAL_TYPES, "By what means it was paid.", required=True),
                string("ExternalIdentifier", "Identifier given to it by another system."),
            ),
            "Details of a payment taken outside of Mews.",
        ),
        record(
            "Ghost",
            (string("OriginalPaymentId", "Id of the payment it repeats.", required=True),),
            "Details of a ghost payment.",
        ),
        record(
            "Alternative",
            (
                enum(
                    "Type",
                    ("Ideal", "ApplePay", "GooglePay", "SepaDirectDebit", "PayPal", "WireTransfer"),
                    "By what method it was paid.",
                    required=True,
                ),
            ),
            "Details of an alternative payment.",
        ),
    ),
    "Details that depend on the type of the payment.",
)

PAYMENT_COLUMNS = (
    shapes.row_id("payment"),
    shapes.ENTERPRISE_ID,
    string("AccountId", "Id of the customer or company that pays.", required=True, person=True),
    shapes.account_type(),
    string("PaymentRequestId", "Id of the payment request it answers."),
    string("BillId", "Id of the bill it is on.", refers_to="bills"),
    string("ReservationId", "Id of the reservation it is for."),
    shapes.ACCOUNTING_CATEGORY_ID,
    shapes.amount("Amount", "Amount paid; negative, since it lowers what is owed."),
    shapes.amount("OriginalAmount", "Amount as first known, before any conversion of currency."),
    shapes.NOTES,
    string("SettlementId", "Identifier of the settlement that paid it out."),
    utc("ConsumedUtc", "When it counts for accounting."),
    utc("ClosedUtc", "When the bill of the payment was closed."),
    utc("ChargedUtc", "When it was charged."),
    shapes.created_utc("payment"),
    shapes.updated_utc("payment"),
    utc("SettlementUtc", "When it was or will be settled.", required=True),
    shapes.accounting_state(),
    enum(
        "State",
        ("Charged", "Canceled", "Pending", "Failed", "Verifying"),
        "How far the payment has got.",
        required=True,
    ),
    string("Identifier", "Further identifier of the payment, such as that of the payment gateway."),
    enum("Type", TYPES, "By what kind of means it was paid.", required=True),
    enum("Kind", ("Payment", "Chargeback", "ChargebackReversal", "Refund"), "Which way the money went."),
    DATA,
    enum("PaymentOrigin", ORIGINS, "Where the payment was made."),
)

PAYMENTS = Table(
    "payments",
    "Payment",
    "One row per version of a payment: money paid, refunded or charged back on an account.",
    PAYMENT_COLUMNS,
    Export("Payment"),
    alternative=Pages("payments/getAll", "Payments"),
    signs=(Sign("Amount.GrossValue", never="negative", by="Kind", among=("Refund", "Chargeback")),),
)
