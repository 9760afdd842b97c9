"""Bills: receipts and invoices issued to customers and companies.

Lives here: the table bills. Not here: bills of outlets (see `outlets`).
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, json, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Pages, Table

OWNER_KINDS = ("BillCustomerData", "BillCompanyData")

ADDRESS = record(
    "Address",
    (
        string("Id", "Id of the address.", required=True),
        string("AccountId", "Id of the customer or company that lives there.", required=True, person=True),
        string("ChainId", "Id of the chain."),
        shapes.account_type(),
        *shapes.address_columns(pii=True),
        # In the reference's example of a bill, not in its table of an address.
        string("SubdivisionCode", "ISO 3166-2 code of the region, as bills have it.", pii=True),
        utc("UpdatedUtc", "When the address was last changed."),
        shapes.IS_ACTIVE,
    ),
    "Address when the bill was closed.",
    pii=True,
)

LEGAL_IDENTIFIERS = json("LegalIdentifiers", "Numbers that the law asks for, by their kind.", pii=True)

BILLING_CODE = string("BillingCode", "Code to print on the bills.")

CUSTOMER_DATA = record(
    "BillCustomerData",
    (
        string("Id", "Id of the customer.", required=True, person=True),
        ADDRESS,
        LEGAL_IDENTIFIERS,
        BILLING_CODE,
        string("LastName", "Last name.", required=True, pii=True),
        string("FirstName", "First name.", pii=True),
        string("SecondLastName", "Second last name.", pii=True),
        enum("TitlePrefix", shapes.TITLES, "Title before the name.", pii=True),
        string("TaxIdentifier", "Tax number.", pii=True),
    ),
    "The account, if it is a customer.",
    pii=True,
)

COMPANY_DATA = record(
    "BillCompanyData",
    (
        string("Id", "Id of the company."),
        ADDRESS,
        LEGAL_IDENTIFIERS,
        BILLING_CODE,
        string("Name", "Name of the company.", required=True, pii=True),
        string("FiscalIdentifier", "Fiscal number.", pii=True),
        string("AdditionalTaxIdentifier", "Second tax number.", pii=True),
        string("DUNS", "DUNS number, 9 digits.", pii=True),
        string("Telephone", "Phone number.", pii=True),
        string("TaxIdentifier", "Tax number.", pii=True),
        string("InvoicingEmail", "E-mail address that invoices go to.", pii=True),
        string("Department", "Department of the company."),
    ),
    "The account, if it is a company.",
    pii=True,
)

OPTIONS = record(
    "Options",
    (
        boolean("DisplayCustomer", "Whether the bill shows the customer.", required=True),
        boolean("DisplayTaxation", "Whether the bill shows the taxes in detail.", required=True),
        boolean("TrackReceivable", "Whether payment of the invoice is followed up.", required=True),
        boolean("DisplayCid", "Whether the invoice shows the CID number.", required=True),
        boolean("Rebated", "Whether the bill was rebated.", required=True),
    ),
    "What the bill shows and how it is treated.",
)

ENTERPRISE_DATA = record(
    "EnterpriseData",
    (
        string("AdditionalTaxIdentifier", "Second tax number of the enterprise."),
        string("CompanyName", "Legal name of the enterprise."),
        string("BankAccount", "Bank account of the enterprise."),
        string("BankName", "Bank of the enterprise."),
        string("Iban", "IBAN of the enterprise."),
        string("Bic", "BIC of the enterprise's bank."),
    ),
    "The enterprise that issued the bill, as it was when the bill was closed.",
)

BILL_COLUMNS = (
    shapes.row_id("bill"),
    string("Name", "Name given to the bill.", pii=True),
    shapes.ENTERPRISE_ID,
    string("AccountId", "Id of the customer or company the bill is issued to.", required=True, person=True),
    shapes.account_type(),
    string("AssociatedAccountIds", "Ids of further accounts that share the bill.", is_list=True, person=True),
    string("CounterId", "Id of the counter that numbers the bill.", refers_to="counters"),
    enum("State", ("Open", "Closed"), "Whether the bill can still change.", required=True),
    enum("Type", ("Receipt", "Invoice"), "Whether it is paid already or to be paid later.", required=True),
    string("Number", "Number of the bill."),
    string("VariableSymbol", "Variable symbol, by which a bank transfer is told."),
    shapes.created_utc("bill"),
    utc("IssuedUtc", "When the bill was issued."),
    utc("TaxedUtc", "When the bill counts for taxes."),
    utc("PaidUtc", "When the bill was paid."),
    utc("DueUtc", "When the bill is due."),
    utc("LastReminderDateUtc", "When the last reminder to pay was sent."),
    shapes.updated_utc("bill"),
    string("PurchaseOrderNumber", "Number of the payer's purchase order."),
    shapes.NOTES,
    OPTIONS,
    record(
        "OwnerData",
        (
            enum(
                "Discriminator", OWNER_KINDS, "Whether the owner is a customer or a company.", required=True
            ),
            json("Value", "The owner, in a form that depends on which it is.", required=True, pii=True),
        ),
        "The account the bill was issued to, as it was when the bill was closed.",
        pii=True,
    ),
    record(
        "AssociatedAccountData",
        (
            enum("Discriminator", OWNER_KINDS, "Which of the two below is filled.", required=True),
            CUSTOMER_DATA,
            COMPANY_DATA,
        ),
        "Further accounts that share the bill, as they were when it was closed.",
        is_list=True,
        pii=True,
    ),
    ENTERPRISE_DATA,
    enum("CorrectionState", ("Bill", "CorrectiveBill"), "Whether it corrects another bill.", required=True),
    enum(
        "CorrectionType",
        ("Cancellation", "Edit", "CreditNote", "Reinstatement", "ReceivablePaymentsBalance"),
        "What kind of correction it is.",
    ),
    string("CorrectedBillId", "Id of the bill it corrects."),
    string("CustomerId", "Id of the customer; replaced by AccountId.", deprecated=True, person=True),
    string("CompanyId", "Id of the company; replaced by AccountId.", deprecated=True),
    json("Revenue", "Revenue items; replaced by the order items.", is_list=True, deprecated=True),
    json("Payments", "Payment items; replaced by the payments.", is_list=True, deprecated=True),
    json("OrderItems", "Order items; have an export of their own.", is_list=True, deprecated=True),
    json("PaymentItems", "Payment items; have an export of their own.", is_list=True, deprecated=True),
    json("AssigneeData", "Owner of the bill; replaced by OwnerData.", deprecated=True, pii=True),
    json("CompanyDetails", "Company on the bill; replaced by OwnerData.", deprecated=True, pii=True),
)

BILLS = Table(
    "bills",
    "Bill",
    "One row per version of a bill: a receipt or invoice, open or closed, with who it was issued to.",
    BILL_COLUMNS,
    Export("Bill"),
    # Without CorrectionState pages bring regular bills only, an export all (bills/getAll, CorrectionState).
    alternative=Pages("bills/getAll", "Bills", parameters={"CorrectionState": ["Bill", "CorrectiveBill"]}),
)
