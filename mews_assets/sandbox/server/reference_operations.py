"""The operations over reference tables that take ids of other tables, or answer without pages: one row each.

Lives here: addresses, entities, parameters, and the property that each parameter filters. Not here: the other
operations (`operations`).
"""

from __future__ import annotations

from mews_assets.sandbox.server.operation import Beside, Extent, Interval, Lists, Operation, lists, times

SERVICES = (Lists("ServiceIds", "ServiceId", required=True),)

_SPACES = (
    Operation(
        "resources/getAll",
        "Resource",
        "Resources",
        lists=lists(ResourceIds="Id", Names="Name"),
        intervals=times("CreatedUtc", "UpdatedUtc"),
        extent=Extent(inactive=True),
    ),
    Operation(
        "resourceCategories/getAll",
        "ResourceCategory",
        "ResourceCategories",
        lists=SERVICES + lists(ResourceCategoryIds="Id"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "resourceCategoryAssignments/getAll",
        "ResourceCategoryAssignment",
        "ResourceCategoryAssignments",
        lists=(
            Lists("ResourceCategoryIds", "CategoryId", required=True),
            *lists(ResourceCategoryAssignmentIds="Id", ResourceIds="ResourceId"),
        ),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "resourceCategoryImageAssignments/getAll",
        "ResourceCategoryImageAssignment",
        "ResourceCategoryImageAssignments",
        lists=(
            Lists("ResourceCategoryIds", "CategoryId", required=True),
            *lists(ResourceCategoryImageAssignmentIds="Id"),
        ),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "resourceFeatures/getAll",
        "ResourceFeature",
        "ResourceFeatures",
        lists=SERVICES + lists(ResourceFeatureIds="Id"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "resourceFeatureAssignments/getAll",
        "ResourceFeatureAssignment",
        "ResourceFeatureAssignments",
        lists=(
            Lists("ResourceFeatureIds", "FeatureId", required=True),
            *lists(ResourceFeatureAssignmentIds="Id"),
        ),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
)

_RATES = (
    Operation(
        "rateGroups/getAll",
        "RateGroup",
        "RateGroups",
        lists=lists(RateGroupIds="Id", ServiceIds="ServiceId", ExternalIdentifiers="ExternalIdentifier"),
        intervals=times("UpdatedUtc"),
        one_of=("RateGroupIds", "ServiceIds"),
        activity=True,
    ),
    Operation(
        "rates/getAll",
        "Rate",
        "Rates",
        lists=SERVICES + lists(RateIds="Id", ExternalIdentifiers="ExternalIdentifier"),
        intervals=times("UpdatedUtc"),
        extent=Extent(required=False),
        activity=True,
        shows_deleted=True,
    ),
    Operation(
        "businessSegments/getAll",
        "BusinessSegment",
        "BusinessSegments",
        lists=lists(Ids="Id", ServiceIds="ServiceId"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "ageCategories/getAll",
        "AgeCategory",
        "AgeCategories",
        lists=lists(AgeCategoryIds="Id", ServiceIds="ServiceId"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "sources/getAll",
        "Source",
        "Sources",
        lists=lists(SourceIds="Id"),
        intervals=times("UpdatedUtc"),
    ),
)

_PRODUCTS = (
    Operation(
        "productCategories/getAll",
        "ProductCategory",
        "ProductCategories",
        lists=SERVICES + lists(ProductCategoryIds="Id"),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "products/getAll",
        "Product",
        "Products",
        lists=SERVICES + lists(ProductIds="Id"),
        intervals=times("UpdatedUtc"),
        default_products=True,
        beside=(Beside("CustomerProducts", "Product"),),
    ),
    Operation(
        "rules/getAll",
        "Rule",
        "Rules",
        lists=SERVICES + lists(Ids="Id"),
        intervals=times("UpdatedUtc"),
        extent=Extent(records=False),
        beside=(Beside("RuleActions", "RuleAction", prop="RuleId"),),
    ),
)

_CONDITIONS = (
    Operation(
        "cancellationPolicies/getAll",
        "CancellationPolicy",
        "CancellationPolicies",
        lists=(
            # Its rows name their rate group, not its service.
            Lists("ServiceIds", "", limit=100, required=True),
            *lists(CancellationPolicyIds="Id", RateGroupIds="RateGroupId"),
        ),
        intervals=times("UpdatedUtc"),
        one_of=("CancellationPolicyIds", "RateGroupIds", "UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "serviceOverbookingLimits/getAll",
        "ServiceOverbookingLimit",
        "ServiceOverbookingLimits",
        lists=SERVICES + lists(ServiceOverbookingLimitIds="Id"),
        intervals=(
            *times("UpdatedUtc"),
            Interval("CollidingUtc", "FirstTimeUnitStartUtc", until="LastTimeUnitStartUtc"),
        ),
        activity=True,
    ),
    Operation(
        "companyContracts/getAll",
        "TravelAgencyContract",
        "TravelAgencyContracts",
        lists=lists(CompanyContractIds="Id", CompanyIds="CompanyId", ServiceIds="ServiceId"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "billingAutomations/getAll",
        "BillingAutomation",
        "BillingAutomations",
        lists=lists(100, BillingAutomationIds="Id"),
    ),
    Operation(
        "routingRules/getAll",
        "RoutingRule",
        "RoutingRules",
        lists=lists(RoutingRuleIds="Id", CompanyIds="CompanyId"),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "vouchers/getAll",
        "Voucher",
        "Vouchers",
        lists=SERVICES
        + lists(VoucherIds="Id", CompanyIds="CompanyId", ExternalIdentifiers="ExternalIdentifier"),
        intervals=times("UpdatedUtc"),
        extent=Extent(),
        activity=True,
        shows_deleted=True,
        beside=(Beside("VoucherAssignments", "VoucherAssignment", prop="VoucherId"),),
    ),
    Operation(
        "voucherCodes/getAll",
        "VoucherCode",
        "VoucherCodes",
        lists=(Lists("VoucherIds", "VoucherId", required=True), *lists(VoucherCodeIds="Id")),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "loyaltyPrograms/getAll",
        "LoyaltyProgram",
        "LoyaltyPrograms",
        lists=lists(LoyaltyProgramIds="Id", Codes="Code"),
        intervals=times("CreatedUtc", "UpdatedUtc"),
    ),
    Operation(
        "loyaltyTiers/getAll",
        "LoyaltyTier",
        "LoyaltyTiers",
        lists=(Lists("LoyaltyProgramIds", "LoyaltyProgramId", required=True), *lists(LoyaltyTierIds="Id")),
        intervals=times("UpdatedUtc"),
    ),
)

_ACCOUNTING = (
    Operation(
        "cashiers/getAll",
        "Cashier",
        "Cashiers",
        lists=lists(Ids="Id"),
        intervals=times("UpdatedUtc"),
        activity=True,
    ),
    Operation(
        "counters/getAll",
        "Counter",
        "Counters",
        lists=lists(CounterIds="Id"),
        intervals=times("UpdatedUtc"),
        single={"Type": "Type"},
    ),
    Operation(
        "departments/getAll",
        "Department",
        "Departments",
        lists=lists(DepartmentIds="Id"),
        intervals=times("UpdatedUtc"),
    ),
    Operation(
        "exchangeRates/getAll", "ExchangeRate", "ExchangeRates", lists=lists(Ids="Id"), paginated=False
    ),
    Operation(
        "taxations/getAll",
        "Taxation",
        "Taxations",
        paginated=False,
        beside=(Beside("TaxRates", "TaxRate", prop=""),),
    ),
    Operation("taxEnvironments/getAll", "TaxEnvironment", "TaxEnvironments", paginated=False),
    Operation("currencies/getAll", "Currency", "Currencies", paginated=False),
    Operation("languages/getAll", "Language", "Languages", paginated=False),
    Operation("devices/getAll", "Device", "Devices", paginated=False),
    Operation("configuration/get", "Configuration", "", paginated=False),
    Operation(
        "countries/getAll",
        "Country",
        "Countries",
        paginated=False,
        beside=(
            Beside("CountrySubdivisions", "CountrySubdivision", prop=""),
            Beside("CountryRules", "CountryRules", prop=""),
            Beside("CountryGroups", "CountryGroup", prop=""),
        ),
    ),
)

REFERENCE_OPERATIONS = (*_SPACES, *_RATES, *_PRODUCTS, *_CONDITIONS, *_ACCOUNTING)
