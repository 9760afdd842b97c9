"""The configuration of enterprises, and the devices that they use.

Lives here: the tables configurations and devices.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, json, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.entities.payments import EXTERNAL_TYPES
from mews_assets.catalog.entities.reference.enterprises import ENTERPRISE_COLUMNS, SERVICE_COLUMNS
from mews_assets.catalog.reference_model import Owner, Reference, Whole

ACCOUNTING_OPTIONS = (
    "OptionalCreditCardPaymentDetails",
    "ReceivableTrackingEnabled",
    "SeparateDepositsOnBill",
    "AllowModifyingClosedBills",
    "RequireAccountingCategorySetup",
    "GroupTaxesOnBill",
    "DisplayEmployeeNameOnBill",
    "TaxDeclarationOnDeposit",
    "SplitVatByClassificationOnBill",
    "EmailClosedBillsAfterCheckout",
)

ACCOUNTING_CONFIGURATION = record(
    "AccountingConfiguration",
    (
        string("AdditionalTaxIdentifier", "Second tax number of the enterprise."),
        string("CompanyName", "Name of the company that runs the enterprise."),
        string("BankAccountNumber", "Number of its bank account."),
        string("BankName", "Name of its bank."),
        string("Iban", "International number of its bank account."),
        string("Bic", "Code of its bank."),
        record(
            "SurchargeConfiguration",
            (
                json("SurchargeFees", "Surcharges, by type of credit card.", required=True),
                string(
                    "SurchargeServiceId", "Id of the service they are charged under.", refers_to="services"
                ),
                string("SurchargeTaxCode", "Code of their tax rate.", refers_to="tax_rates"),
            ),
            "Surcharges on payments by credit card.",
            required=True,
        ),
        enum(
            "EnabledExternalPaymentTypes",
            EXTERNAL_TYPES,
            "Types of payments that may be entered by hand.",
            required=True,
            is_list=True,
        ),
        enum("Options", ACCOUNTING_OPTIONS, "What is switched on.", required=True, is_list=True),
    ),
    "How its accounting works.",
)

CONFIGURATION_COLUMNS = (
    record(
        "Enterprise",
        (
            *(
                column
                for column in ENTERPRISE_COLUMNS
                if column.name not in ("LinkedUtc", "EditableHistoryInterval")
            ),
            record(
                "Currencies",
                (
                    shapes.CURRENCY,
                    boolean("IsDefault", "Whether it is the enterprise's own currency.", required=True),
                    boolean("IsEnabled", "Whether it takes payments in the currency.", required=True),
                ),
                "The currencies it knows.",
                required=True,
                is_list=True,
            ),
            ACCOUNTING_CONFIGURATION,
            boolean("IsPortfolio", "Whether it is a portfolio of enterprises.", required=True),
            *(column for column in ENTERPRISE_COLUMNS if column.name == "EditableHistoryInterval"),
        ),
        "The enterprise.",
        required=True,
    ),
    utc("NowUtc", "The time at Mews when it was read.", required=True),
    record("Service", SERVICE_COLUMNS, "The service that the token is limited to, if it is."),
    record(
        "PaymentCardStorage",
        (string("PublicKey", "Public key of the storage.", required=True),),
        "Where payment cards are stored.",
    ),
    boolean(
        "IsIdentityDocumentNumberRequired",
        "Whether guests must give the number of a document.",
        required=True,
    ),
)

DEVICE_COLUMNS = (
    shapes.row_id("device"),
    enum(
        "Type",
        ("Printer", "PaymentTerminal", "KeyCutter", "FiscalMachine", "PassportScanner"),
        "What kind of device it is.",
        required=True,
    ),
    string("Name", "Name of the device.", required=True),
    string("Identifier", "Identifier of the device in the enterprise."),
)

CONFIGURATIONS = Reference(
    "configurations",
    "Configuration",
    "One row per enterprise: its settings, one request each.",
    CONFIGURATION_COLUMNS,
    Whole("configuration/get", (), scope_parameter="EnterpriseId", one_scope=True, paginated=False),
    owner=Owner("Enterprise.Id"),
    keyed_by=("Enterprise.Id",),
    is_standard=False,
)

DEVICES = Reference(
    "devices",
    "Device",
    "One row per device of the enterprise that a token is for; a row does not say which that is.",
    DEVICE_COLUMNS,
    Whole("devices/getAll", ("Devices",), scope_parameter="", paginated=False),
    owner=None,
    vanishes=True,
    is_standard=False,
)
