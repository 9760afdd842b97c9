"""Spaces: rooms and other resources, the categories they are sold by, and their features.

Lives here: the tables resources, resource_categories, resource_category_assignments,
resource_category_image_assignments, resource_features and resource_feature_assignments.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, integer, json, record, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.entities.guests import SPACE_FEATURES
from mews_assets.catalog.reference_model import Owner, ParentIds, Reference, Whole

CATEGORY_TYPES = (
    "Room",
    "Bed",
    "Dorm",
    "Apartment",
    "Suite",
    "Villa",
    "Site",
    "Office",
    "MeetingRoom",
    "ParkingSpot",
    "Desk",
    "TeamArea",
    "Membership",
    "Tent",
    "CaravanOrRV",
    "UnequippedCampsite",
    "Bike",
    "ExtraBed",
    "Cot",
    "Crib",
    "ConferenceRoom",
    "Rooftop",
    "Garden",
    "Restaurant",
    "Amphitheater",
    "PrivateSpaces",
)

RESOURCE_COLUMNS = (
    shapes.row_id("resource"),
    shapes.ENTERPRISE_ID,
    shapes.IS_ACTIVE,
    string(
        "ParentResourceId",
        "Id of the resource it is part of: of a bed, the dormitory.",
        refers_to="resources",
    ),
    string("Name", "Name of the resource, such as a room's number.", required=True),
    enum(
        "State",
        ("Dirty", "Clean", "Inspected", "OutOfService", "OutOfOrder"),
        "State of the resource when it was read; it changes all day.",
        required=True,
    ),
    shapes.texts("Descriptions", "Description of the resource"),
    shapes.created_utc("resource"),
    shapes.updated_utc("resource"),
    record(
        "Data",
        (
            enum(
                "Discriminator", ("Space", "Object", "Person"), "What kind of resource it is.", required=True
            ),
            json("Value", "Details, of a space its floor and notes on its location.", required=True),
        ),
        "Details that depend on the kind of the resource.",
        required=True,
    ),
    shapes.texts("ExternalNames", "Name shown to guests"),
    shapes.texts("Directions", "How to find it"),
)

RESOURCE_CATEGORY_COLUMNS = (
    shapes.row_id("resource category"),
    shapes.ENTERPRISE_ID,
    shapes.SERVICE_ID,
    shapes.IS_ACTIVE,
    enum("Type", CATEGORY_TYPES, "What kind of space it is.", required=True),
    # The reference calls the values of a category a type; they are those of a feature.
    enum("Classification", SPACE_FEATURES, "What the category is known for.", required=True),
    shapes.texts("Names", "Name of the category"),
    shapes.texts("ShortNames", "Short name of the category"),
    shapes.texts("Descriptions", "Description of the category"),
    shapes.ORDERING,
    integer("Capacity", "Number of people that one of its resources holds.", required=True),
    integer("ExtraCapacity", "Number of people that it holds on extra beds, besides those.", required=True),
    shapes.EXTERNAL_IDENTIFIER,
    shapes.ACCOUNTING_CATEGORY_ID,
)

RESOURCE_CATEGORY_ASSIGNMENT_COLUMNS = (
    shapes.row_id("assignment"),
    shapes.IS_ACTIVE,
    string("ResourceId", "Id of the resource.", required=True, refers_to="resources"),
    string("CategoryId", "Id of the category it is sold in.", required=True, refers_to="resource_categories"),
    shapes.created_utc("assignment"),
    shapes.updated_utc("assignment"),
)

RESOURCE_CATEGORY_IMAGE_ASSIGNMENT_COLUMNS = (
    shapes.row_id("assignment"),
    shapes.IS_ACTIVE,
    string(
        "CategoryId",
        "Id of the category that the picture shows.",
        required=True,
        refers_to="resource_categories",
    ),
    string("ImageId", "Id of the picture.", required=True),
    shapes.created_utc("assignment"),
    shapes.updated_utc("assignment"),
    shapes.ORDERING,
)

RESOURCE_FEATURE_COLUMNS = (
    shapes.row_id("resource feature"),
    shapes.SERVICE_ID,
    shapes.IS_ACTIVE,
    enum("Classification", SPACE_FEATURES, "What the feature is.", required=True),
    shapes.texts("Names", "Name of the feature"),
    shapes.texts("ShortNames", "Short name of the feature"),
    shapes.texts("Descriptions", "Description of the feature"),
    shapes.created_utc("resource feature"),
    shapes.updated_utc("resource feature"),
)

RESOURCE_FEATURE_ASSIGNMENT_COLUMNS = (
    shapes.row_id("assignment"),
    shapes.IS_ACTIVE,
    string("ResourceId", "Id of the resource that has the feature.", required=True, refers_to="resources"),
    string("FeatureId", "Id of the feature.", required=True, refers_to="resource_features"),
    shapes.created_utc("assignment"),
    shapes.updated_utc("assignment"),
)

RESOURCES = Reference(
    "resources",
    "Resource",
    "One row per resource, inactive ones too: a room, bed, parking spot or other thing that can be booked.",
    RESOURCE_COLUMNS,
    Whole("resources/getAll", ("Resources",), parameters={"Extent": {"Resources": True, "Inactive": True}}),
)

RESOURCE_CATEGORIES = Reference(
    "resource_categories",
    "ResourceCategory",
    "One row per resource category, deleted ones too: what rooms are sold as.",
    RESOURCE_CATEGORY_COLUMNS,
    Whole(
        "resourceCategories/getAll",
        ("ResourceCategories",),
        parents=(shapes.OF_SERVICES,),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
)

RESOURCE_CATEGORY_ASSIGNMENTS = Reference(
    "resource_category_assignments",
    "ResourceCategoryAssignment",
    "One row per assignment of a resource to a category, deleted ones too.",
    RESOURCE_CATEGORY_ASSIGNMENT_COLUMNS,
    Whole(
        "resourceCategoryAssignments/getAll",
        ("ResourceCategoryAssignments",),
        parents=(ParentIds("ResourceCategoryIds", "resource_categories"),),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("CategoryId", through="resource_categories"),
)

RESOURCE_CATEGORY_IMAGE_ASSIGNMENTS = Reference(
    "resource_category_image_assignments",
    "ResourceCategoryImageAssignment",
    "One row per assignment of a picture to a resource category, deleted ones too.",
    RESOURCE_CATEGORY_IMAGE_ASSIGNMENT_COLUMNS,
    Whole(
        "resourceCategoryImageAssignments/getAll",
        ("ResourceCategoryImageAssignments",),
        parents=(ParentIds("ResourceCategoryIds", "resource_categories"),),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("CategoryId", through="resource_categories"),
    is_standard=False,
)

RESOURCE_FEATURES = Reference(
    "resource_features",
    "ResourceFeature",
    "One row per feature that resources can have, deleted ones too.",
    RESOURCE_FEATURE_COLUMNS,
    Whole(
        "resourceFeatures/getAll",
        ("ResourceFeatures",),
        parents=(shapes.OF_SERVICES,),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("ServiceId", through="services"),
    is_standard=False,
)

RESOURCE_FEATURE_ASSIGNMENTS = Reference(
    "resource_feature_assignments",
    "ResourceFeatureAssignment",
    "One row per assignment of a feature to a resource, deleted ones too.",
    RESOURCE_FEATURE_ASSIGNMENT_COLUMNS,
    Whole(
        "resourceFeatureAssignments/getAll",
        ("ResourceFeatureAssignments",),
        parents=(ParentIds("ResourceFeatureIds", "resource_features"),),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("ResourceId", through="resources"),
    is_standard=False,
)
