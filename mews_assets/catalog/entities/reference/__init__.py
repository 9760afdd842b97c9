"""Reference tables: the records that ids in other tables refer to, a row of `REFERENCES` each.

They are small and are read whole, so they have no windows and stand outside of `TABLES`. One module per group.
"""

from __future__ import annotations

from mews_assets.catalog.entities.reference.accounting import (
    ACCOUNTING_CATEGORIES,
    CASHIERS,
    COUNTERS,
    DEPARTMENTS,
)
from mews_assets.catalog.entities.reference.conditions import (
    CANCELLATION_POLICIES,
    RULE_ACTIONS,
    RULES,
    SERVICE_OVERBOOKING_LIMITS,
)
from mews_assets.catalog.entities.reference.configuration import CONFIGURATIONS, DEVICES
from mews_assets.catalog.entities.reference.enterprises import ENTERPRISES as ENTERPRISES
from mews_assets.catalog.entities.reference.enterprises import OUTLETS, SERVICES
from mews_assets.catalog.entities.reference.firms import BILLING_AUTOMATIONS, COMPANY_CONTRACTS, ROUTING_RULES
from mews_assets.catalog.entities.reference.loyalty import LOYALTY_PROGRAMS, LOYALTY_TIERS
from mews_assets.catalog.entities.reference.places import (
    COUNTRIES,
    COUNTRY_GROUPS,
    COUNTRY_RULES,
    COUNTRY_SUBDIVISIONS,
    LANGUAGES,
)
from mews_assets.catalog.entities.reference.products import PRODUCT_CATEGORIES, PRODUCTS
from mews_assets.catalog.entities.reference.rates import (
    AGE_CATEGORIES,
    BUSINESS_SEGMENTS,
    RATE_GROUPS,
    RATES,
    SOURCES,
)
from mews_assets.catalog.entities.reference.spaces import (
    RESOURCE_CATEGORIES,
    RESOURCE_CATEGORY_ASSIGNMENTS,
    RESOURCE_CATEGORY_IMAGE_ASSIGNMENTS,
    RESOURCE_FEATURE_ASSIGNMENTS,
    RESOURCE_FEATURES,
    RESOURCES,
)
from mews_assets.catalog.entities.reference.taxes import (
    CURRENCIES,
    EXCHANGE_RATES,
    TAX_ENVIRONMENTS,
    TAX_RATES,
    TAXATIONS,
)
from mews_assets.catalog.entities.reference.vouchers import VOUCHER_ASSIGNMENTS, VOUCHER_CODES, VOUCHERS
from mews_assets.catalog.reference_model import Reference as Reference

REFERENCES: tuple[Reference, ...] = (
    ENTERPRISES,
    SERVICES,
    OUTLETS,
    ACCOUNTING_CATEGORIES,
    RESOURCES,
    RESOURCE_CATEGORIES,
    RESOURCE_CATEGORY_ASSIGNMENTS,
    RATE_GROUPS,
    RATES,
    BUSINESS_SEGMENTS,
    SOURCES,
    AGE_CATEGORIES,
    PRODUCT_CATEGORIES,
    PRODUCTS,
    CASHIERS,
    COUNTERS,
    TAXATIONS,
    TAX_RATES,
    EXCHANGE_RATES,
    RESOURCE_CATEGORY_IMAGE_ASSIGNMENTS,
    RESOURCE_FEATURES,
    RESOURCE_FEATURE_ASSIGNMENTS,
    DEPARTMENTS,
    RULES,
    RULE_ACTIONS,
    CANCELLATION_POLICIES,
    SERVICE_OVERBOOKING_LIMITS,
    COMPANY_CONTRACTS,
    BILLING_AUTOMATIONS,
    ROUTING_RULES,
    VOUCHERS,
    VOUCHER_ASSIGNMENTS,
    VOUCHER_CODES,
    LOYALTY_PROGRAMS,
    LOYALTY_TIERS,
    CONFIGURATIONS,
    DEVICES,
    TAX_ENVIRONMENTS,
    CURRENCIES,
    COUNTRIES,
    COUNTRY_SUBDIVISIONS,
    COUNTRY_RULES,
    COUNTRY_GROUPS,
    LANGUAGES,
)
"""Those that are read by default first; each comes after those it needs."""
