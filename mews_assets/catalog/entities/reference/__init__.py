"""Reference tables: the records that ids in other tables refer to, a row of `REFERENCES` each.

They are small and are read whole, so they have no windows and stand outside of `TABLES`. One module per group.
"""

from __future__ import annotations

from mews_assets.catalog.entities.reference.accounting import ACCOUNTING_CATEGORIES
from mews_assets.catalog.entities.reference.enterprises import ENTERPRISES as ENTERPRISES
from mews_assets.catalog.entities.reference.enterprises import OUTLETS, SERVICES
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
from mews_assets.catalog.reference_model import Reference as Reference

REFERENCES: tuple[Reference, ...] = (
    ENTERPRISES,
    SERVICES,
    OUTLETS,
    ACCOUNTING_CATEGORIES,
    RESOURCES,
    RESOURCE_CATEGORIES,
    RESOURCE_CATEGORY_ASSIGNMENTS,
    RESOURCE_CATEGORY_IMAGE_ASSIGNMENTS,
    RESOURCE_FEATURES,
    RESOURCE_FEATURE_ASSIGNMENTS,
    RATE_GROUPS,
    RATES,
    BUSINESS_SEGMENTS,
    AGE_CATEGORIES,
    SOURCES,
)
"""In an order in which each comes after those it needs."""
