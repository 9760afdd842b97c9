"""Accounts: the people and the companies that stay, book and pay. They belong to a chain, not to a hotel.

Lives here: the tables customers and companies. What tells who somebody is, is marked `pii`; so are traits
that the law guards closely (health, diet, sex), because hiding too much is the mistake that can be mended.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, date, enum, integer, json, record, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Pages, ScopeKind, Table

CLASSIFICATIONS = (
    "PaymasterAccount",
    "Blacklist",
    "Media",
    "LoyaltyProgram",
    "PreviousComplaint",
    "Returning",
    "Staff",
    "FriendOrFamily",
    "TopManagement",
    "Important",
    "VeryImportant",
    "Problematic",
    "Cashlist",
    "DisabledPerson",
    "Military",
    "Airline",
    "HealthCompliant",
    "InRoom",
    "WaitingForRoom",
    "Student",
    "Blocklist",
)

CUSTOMER_OPTIONS = (
    "None",
    "SendMarketingEmails",
    "Invoiceable",
    "BillAddressObjection",
    "SendMarketingPostalMail",
    "SendPartnerMarketingEmails",
    "SendPartnerMarketingPostalMail",
    "WithdrawCardConsent",
    "GuestPhotoConsent",
    "IdPhotosConsent",
)

SPACE_FEATURES = (
    "SeaView",
    "RiverView",
    "OceanView",
    "TwinBeds",
    "DoubleBed",
    "RollawayBed",
    "UpperBed",
    "LowerBed",
    "Balcony",
    "AccessibleBathroom",
    "AccessibleRoom",
    "ElevatorAccess",
    "HighFloor",
    "Kitchenette",
    "AirConditioning",
    "PrivateJacuzzi",
    "PrivateSauna",
    "EnsuiteRoom",
    "PrivateBathroom",
    "SharedBathroom",
)

CUSTOMER_COLUMNS = (
    shapes.row_id("customer", person=True),
    shapes.CHAIN_ID,
    string("Number", "Number of the customer in Mews.", required=True),
    enum("Title", shapes.TITLES, "Title before the name.", pii=True),
    enum("Sex", ("Male", "Female"), "Sex of the customer.", pii=True),
    string("FirstName", "First name.", pii=True),
    string("LastName", "Last name.", required=True, pii=True),
    string("SecondLastName", "Second last name.", pii=True),
    string("NationalityCode", "ISO 3166-1 code of the country of nationality.", pii=True),
    string("PreferredLanguageCode", "Language and culture the customer chose, such as en-GB."),
    string("LanguageCode", "Language and culture to use, worked out from profile, bookings and nationality."),
    date("BirthDate", "Date of birth.", pii=True),
    string("BirthCountryCode", "ISO 3166-1 code of the country of birth.", pii=True),
    string("BirthCountrySubdivisionCode", "ISO 3166-2 code of the region of birth.", pii=True),
    string("BirthPlace", "Place of birth.", pii=True),
    string("Occupation", "Occupation.", pii=True),
    string("Email", "E-mail address.", pii=True),
    boolean(
        "HasOtaEmail", "Whether the e-mail address is a passing one from a travel agency.", required=True
    ),
    string("Phone", "Phone number.", pii=True),
    string("TaxIdentificationNumber", "Tax number.", pii=True),
    string("LoyaltyCode", "Number in the loyalty program.", pii=True),
    string("AccountingCode", "Code of the customer in the accounting system."),
    string("BillingCode", "Code to print on the customer's bills."),
    shapes.NOTES,
    string("CarRegistrationNumber", "Registration number of the car.", pii=True),
    string("DietaryRequirements", "What the customer may or may not eat.", pii=True),
    shapes.created_utc("customer"),
    shapes.updated_utc("customer"),
    string("AddressId", "Id of the customer's address."),
    enum(
        "Classifications",
        CLASSIFICATIONS,
        "Marks set on the customer.",
        required=True,
        is_list=True,
        pii=True,
    ),
    enum("Options", CUSTOMER_OPTIONS, "Consents and settings of the customer.", required=True, is_list=True),
    string("ItalianDestinationCode", "Italian code that e-invoices are sent to.", pii=True),
    string("ItalianFiscalCode", "Italian fiscal code.", pii=True),
    string("ItalianLotteryCode", "Italian receipt lottery code.", pii=True),
    string("CompanyId", "Id of the company the customer goes with."),
    string("MergeTargetId", "Id of the customer this one was merged into.", person=True),
    shapes.IS_ACTIVE,
    enum("PreferredSpaceFeatures", SPACE_FEATURES, "Wishes for the room.", required=True, is_list=True),
    shapes.CREATOR_PROFILE_ID,
    shapes.UPDATER_PROFILE_ID,
    json("Passport", "Passport; replaced by an operation of its own.", deprecated=True, pii=True),
    json("IdentityCard", "Identity card; replaced by an operation of its own.", deprecated=True, pii=True),
    json("Visa", "Visa; replaced by an operation of its own.", deprecated=True, pii=True),
    json(
        "DriversLicense", "Driving licence; replaced by an operation of its own.", deprecated=True, pii=True
    ),
    json("Address", "Address; replaced by AddressId.", deprecated=True, pii=True),
    string("ActivityState", "Active or Deleted; replaced by IsActive.", deprecated=True),
)

COMPANY_COLUMNS = (
    shapes.row_id("company"),
    shapes.CHAIN_ID,
    string("Name", "Name of the company.", required=True),
    string("MotherCompanyId", "Id of the company that owns it."),
    string("InvoicingEmail", "E-mail address that invoices go to.", pii=True),
    string("WebsiteUrl", "Address of its website."),
    string("InvoiceDueInterval", "Time it has to pay an invoice, as an ISO 8601 duration."),
    record(
        "Options",
        (
            boolean("Invoiceable", "Whether it may be sent invoices.", required=True),
            boolean("AddFeesToInvoices", "Whether a fee is added to its invoices.", required=True),
            boolean(
                "AddTaxDeductedPaymentToInvoices",
                "Whether a tax deducted payment is added to its invoices.",
                required=True,
            ),
        ),
        "How it is invoiced.",
        required=True,
    ),
    record(
        "CreditRating",
        (
            enum(
                "Basic",
                ("CreditOk", "PaymentRequiredUpfront", "LocalDecisionRequired"),
                "Whether it may pay later.",
            ),
        ),
        "How far it is trusted to pay.",
        required=True,
    ),
    string("Department", "Internal segment of the company, such as sales."),
    string("DunsNumber", "DUNS number, 9 digits."),
    string("ReferenceIdentifier", "Identifier given to it by a system outside, such as a database."),
    string("AccountingCode", "Code of the company in the accounting system."),
    string("AdditionalTaxIdentifier", "Second tax number.", pii=True),
    string("BillingCode", "Code to print on its bills."),
    string("Contact", "Other ways to reach it.", pii=True),
    string("ContactPerson", "Whom to ask for.", pii=True),
    string("Identifier", "Identifier of the company, such as its number in a register."),
    string("Iata", "IATA number of a travel agency."),
    shapes.IS_ACTIVE,
    shapes.NOTES,
    integer("Number", "Number of the company in Mews.", required=True),
    string("TaxIdentifier", "Tax number.", pii=True),
    string("Telephone", "Phone number.", pii=True),
    shapes.created_utc("company", required=False),
    shapes.updated_utc("company", required=False),
    string("AddressId", "Id of the company's address."),
    string("MergeTargetId", "Id of the company this one was merged into."),
    shapes.EXTERNAL_IDENTIFIER,
    string("ElectronicInvoiceIdentifier", "Identifier for electronic invoices.", deprecated=True),
    json("Address", "Address; replaced by AddressId.", deprecated=True, pii=True),
    string("TaxIdentificationNumber", "Tax number; replaced by TaxIdentifier.", deprecated=True, pii=True),
)

CUSTOMERS = Table(
    "customers",
    "Customer",
    "One row per version of a customer: a person's profile, shared by the hotels of a chain.",
    CUSTOMER_COLUMNS,
    Export("Customer"),
    scope=ScopeKind.CHAIN,
    scope_column="ChainId",
    alternative=Pages(
        "customers/getAll",
        "Customers",
        scope_parameter="ChainIds",
        parameters={"Extent": {"Customers": True, "Addresses": False}, **shapes.ACTIVE_OR_DELETED},
    ),
)

COMPANIES = Table(
    "companies",
    "Company",
    "One row per version of a company: a firm or travel agency, shared by the hotels of a chain.",
    COMPANY_COLUMNS,
    Export("Company"),
    scope=ScopeKind.CHAIN,
    scope_column="ChainId",
    alternative=Pages(
        "companies/getAll", "Companies", scope_parameter="ChainIds", parameters=shapes.ACTIVE_OR_DELETED
    ),
)
