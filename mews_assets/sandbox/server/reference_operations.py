"""The operations over reference tables that take ids of other tables, or answer without pages: one row each.

Lives here: addresses, entities, parameters, and the property that each parameter filters. Not here: the other
operations (`operations`).
"""

from __future__ import annotations

from mews_assets.sandbox.server.operation import Extent, Lists, Operation, lists, times

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

REFERENCE_OPERATIONS = (*_SPACES, *_RATES)
