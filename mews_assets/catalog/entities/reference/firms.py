"""Agreements with firms: contracts of travel agencies, and who pays for what.

Lives here: the tables company_contracts, billing_automations and routing_rules. Not here: the companies.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, number, record, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Owner, Reference, Whole

COMPANY_CONTRACT_COLUMNS = (
    shapes.row_id("contract"),
    shapes.SERVICE_ID,
    string("CompanyId", "Id of the company, a travel agency.", required=True, refers_to="companies"),
    shapes.IS_ACTIVE,
    boolean("CommissionIncluded", "Whether prices include the commission."),
    number("Commission", "Commission, as a fraction of the price."),
    number("ChannelManagerAbsoluteAdjustment", "What the channel manager adds to prices."),
    number("ChannelManagerRelativeAdjustment", "What the channel manager adds, as a fraction of the price."),
    record(
        "Options",
        (
            boolean(
                "IncludeCancellationFeeInCommissionEstimate",
                "Whether cancellation fees count when the commission is estimated.",
                required=True,
            ),
            boolean("SkipAutomaticSettlement", "Whether nothing is charged by itself.", required=True),
        ),
        "How it is settled.",
        required=True,
    ),
    string("AccountingCode", "Code of the company in accounting."),
    string("InvoiceDueInterval", "How long the company has to pay, as an ISO 8601 duration."),
    string(
        "ChannelManagerBusinessSegmentId",
        "Id of the business segment of its reservations by channel manager.",
        refers_to="business_segments",
    ),
    string("ContactPerson", "Person to talk to.", pii=True),
    string("ContactEmail", "E-mail address to write to.", pii=True),
    string("AdditionalContactInfo", "More about how to reach them.", pii=True),
    shapes.NOTES,
    shapes.created_utc("contract"),
    shapes.updated_utc("contract"),
)

BILLING_AUTOMATION_COLUMNS = (
    shapes.row_id("billing automation"),
    shapes.ENTERPRISE_ID,
    string("Name", "Name of the automation.", required=True),
    string("Description", "What it is for."),
    record(
        "CompaniesWithRelations",
        (
            string("CompanyId", "Id of the company.", required=True, refers_to="companies"),
            record(
                "CompanyRelations",
                (
                    boolean(
                        "PartnerCompany", "Whether it applies if the company is the partner.", required=True
                    ),
                    boolean(
                        "TravelAgency", "Whether it applies if the company is the agency.", required=True
                    ),
                ),
                "How a reservation must be related to the company.",
                required=True,
            ),
        ),
        "The companies it applies to.",
        required=True,
        is_list=True,
    ),
    enum("Prepayment", ("All", "Prepaid"), "Whether only prepaid reservations count.", required=True),
    enum(
        "AssignmentTargetType",
        ("CompanyAsDetails", "CompanyAsOwner", "NoCompany"),
        "What the company is on the bill.",
        required=True,
    ),
    enum("TriggerType", ("Continuous", "Recurring", "Legacy"), "When it runs.", required=True),
    enum(
        "BillAggregationType",
        ("OnePerReservation", "AggregateByCustomer", "AggregateAll", "AggregatePerReservationGroup"),
        "What is put on one bill.",
        required=True,
    ),
    shapes.created_utc("billing automation"),
    shapes.updated_utc("billing automation"),
    shapes.CREATOR_PROFILE_ID,
    shapes.UPDATER_PROFILE_ID,
    string("ProcessingStartOffset", "When it runs, as an ISO 8601 duration from the start of the month."),
    enum(
        "OrderItemConsumptionPeriod",
        ("MonthBefore", "SameMonthAndMonthBefore", "SameMonth", "SameMonthAndMonthAfter", "MonthAfter"),
        "Whose consumption it takes.",
    ),
    record(
        "Assignments",
        (
            string("Id", "Id of the assignment.", required=True),
            string("BillingAutomationId", "Id of the automation.", required=True),
            string(
                "ServiceId", "Id of the service whose items it takes.", required=True, refers_to="services"
            ),
            record(
                "RoutedItemTypes",
                (
                    boolean("SpaceOrder", "Whether it takes nights.", required=True),
                    boolean("CityTax", "Whether it takes city taxes.", required=True),
                    boolean("AllProducts", "Whether it takes all products.", required=True),
                    boolean("Deposits", "Whether it takes deposits.", required=True),
                    boolean("AdditionalExpenses", "Whether it takes additional expenses.", required=True),
                    boolean("AllCustomItems", "Whether it takes all custom items.", required=True),
                ),
                "The kinds of items it takes.",
                required=True,
            ),
            string("RateIds", "Ids of the rates it is limited to.", is_list=True),
            string("ProductCategoryIds", "Ids of the product categories it takes.", is_list=True),
            string("ProductIds", "Ids of the products it takes.", is_list=True),
            record(
                "AccountingCategoryAssignments",
                (
                    string(
                        "AccountingCategoryId",
                        "Id of the accounting category.",
                        required=True,
                        refers_to="accounting_categories",
                    ),
                    record(
                        "ItemTypes",
                        (
                            boolean("Products", "Whether it takes products of it.", required=True),
                            boolean("CustomItems", "Whether it takes custom items of it.", required=True),
                        ),
                        "The kinds of items of the category.",
                        required=True,
                    ),
                ),
                "The accounting categories it takes.",
                is_list=True,
            ),
        ),
        "Which items it puts on the bill.",
        is_list=True,
    ),
)

ROUTING_RULE_COLUMNS = (
    shapes.row_id("routing rule"),
    shapes.ENTERPRISE_ID,
    string("CompanyId", "Id of the company that pays.", required=True, refers_to="companies"),
    enum(
        "CompanyRelation",
        ("PartnerCompany", "TravelAgency"),
        "How a reservation must be related to the company.",
        required=True,
    ),
    enum(
        "Applicability", ("Always", "PrepaidOnly"), "Whether only prepaid reservations count.", required=True
    ),
    enum("RouteType", ("AllStayItems", "SelectedStayItems"), "Which items the company pays.", required=True),
    shapes.SERVICE_ID,
    record(
        "SelectedStayItems",
        (
            boolean("Nights", "Whether it pays the nights.", required=True),
            boolean("CityTax", "Whether it pays the city tax.", required=True),
            string("ProductCategoryIds", "Ids of the product categories it pays.", is_list=True),
        ),
        "What the company pays, if not all.",
    ),
    shapes.created_utc("routing rule"),
    shapes.updated_utc("routing rule"),
)

COMPANY_CONTRACTS = Reference(
    "company_contracts",
    "TravelAgencyContract",
    "One row per contract of a travel agency with a service, deleted ones too.",
    COMPANY_CONTRACT_COLUMNS,
    Whole("companyContracts/getAll", ("TravelAgencyContracts",), parameters=shapes.ACTIVE_OR_DELETED),
    owner=Owner("ServiceId", through="services"),
    is_standard=False,
)

BILLING_AUTOMATIONS = Reference(
    "billing_automations",
    "BillingAutomation",
    "One row per billing automation: which items go on whose bill.",
    BILLING_AUTOMATION_COLUMNS,
    Whole("billingAutomations/getAll", ("BillingAutomations",)),
    vanishes=True,
    is_standard=False,
)

ROUTING_RULES = Reference(
    "routing_rules",
    "RoutingRule",
    "One row per routing rule. Mews replaces them by billing automations and ends them in January 2027.",
    ROUTING_RULE_COLUMNS,
    Whole("routingRules/getAll", ("RoutingRules",)),
    vanishes=True,
    is_standard=False,
)
