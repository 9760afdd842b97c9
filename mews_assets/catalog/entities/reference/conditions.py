"""Conditions of sale: what may be booked, what it brings along, and what cancelling it costs.

Lives here: the tables rules, rule_actions, cancellation_policies and service_overbooking_limits.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, integer, number, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Column
from mews_assets.catalog.reference_model import Owner, ParentIds, Reference, Whole


def _condition(name: str, what: str) -> Column:
    """A condition on one property of a reservation."""
    columns = (
        string("Value", f"The {what}.", required=True),
        enum(
            "ConditionType", ("Equals", "NotEquals"), "Whether it must be this, or must not.", required=True
        ),
    )
    return record(name, columns, f"Condition on the {what}.")


RULE_COLUMNS = (
    shapes.row_id("rule"),
    shapes.SERVICE_ID,
    record(
        "Conditions",
        (
            _condition("RateId", "id of the rate"),
            _condition("RateGroupId", "id of the rate group"),
            _condition("BusinessSegmentId", "id of the business segment"),
            _condition("ResourceCategoryId", "id of the resource category"),
            _condition("ResourceCategoryType", "type of the resource category"),
            _condition("Origin", "origin of the reservation"),
            _condition("TravelAgencyId", "id of the travel agency"),
            integer("MinimumTimeUnitCount", "Fewest time units (nights, say) of the stay."),
            integer("MaximumTimeUnitCount", "Most time units (nights, say) of the stay."),
        ),
        "Conditions that a reservation must meet for the rule to apply.",
        required=True,
    ),
    shapes.created_utc("rule"),
    shapes.updated_utc("rule"),
)

RULE_ACTION_COLUMNS = (
    shapes.row_id("action"),
    string("RuleId", "Id of the rule that does it.", required=True, refers_to="rules"),
    record(
        "Data",
        (
            enum("Discriminator", ("Product",), "What the action is about.", required=True),
            record(
                "Value",
                (
                    enum("ActionType", ("Add", "Delete"), "What is done with the product.", required=True),
                    string("ProductId", "Id of the product.", required=True, refers_to="products"),
                ),
                "What is done.",
                required=True,
            ),
        ),
        "What is done to a reservation.",
    ),
)

CANCELLATION_POLICY_COLUMNS = (
    shapes.row_id("cancellation policy"),
    string("RateGroupId", "Id of the rate group it holds for.", required=True, refers_to="rate_groups"),
    shapes.created_utc("cancellation policy"),
    shapes.updated_utc("cancellation policy"),
    enum(
        "Applicability",
        ("Creation", "Start", "StartDate"),
        "What the offset is counted from: the booking, the arrival, or its day.",
        required=True,
    ),
    enum(
        "FeeExtent",
        ("TimeUnits", "Products"),
        "What the relative fee is reckoned from.",
        required=True,
        is_list=True,
    ),
    string("ApplicabilityOffset", "From when on it applies, as an ISO 8601 duration.", required=True),
    integer("FeeMaximumTimeUnits", "Most time units (nights, say) that the fee is reckoned from."),
    record(
        "AbsoluteFee",
        (shapes.CURRENCY, number("Value", "The fee, in the currency.", required=True)),
        "The fixed part of the fee.",
        required=True,
    ),
    number("RelativeFee", "The fee as a fraction of the price.", required=True),
    shapes.IS_ACTIVE,
)

SERVICE_OVERBOOKING_LIMIT_COLUMNS = (
    shapes.row_id("overbooking limit"),
    shapes.SERVICE_ID,
    utc("FirstTimeUnitStartUtc", "Start of the first time unit (night, say) it covers.", required=True),
    utc("LastTimeUnitStartUtc", "Start of the last time unit (night, say) it covers.", required=True),
    integer("Limit", "Number of units that may be sold beyond what there is.", required=True),
    shapes.created_utc("overbooking limit"),
    shapes.updated_utc("overbooking limit"),
    shapes.IS_ACTIVE,
)

_RULES = {"Extent": {"RuleActions": True}}

RULES = Reference(
    "rules",
    "Rule",
    "One row per rule of a service: reservations that meet its conditions get or lose products.",
    RULE_COLUMNS,
    Whole("rules/getAll", ("Rules",), parents=(shapes.OF_SERVICES,), parameters=_RULES),
    owner=Owner("ServiceId", through="services"),
    vanishes=True,
    is_standard=False,
)

RULE_ACTIONS = Reference(
    "rule_actions",
    "RuleAction",
    "One row per action of a rule.",
    RULE_ACTION_COLUMNS,
    Whole("rules/getAll", ("RuleActions",), parents=(shapes.OF_SERVICES,), parameters=_RULES),
    owner=Owner("RuleId", through="rules"),
    vanishes=True,
    is_standard=False,
)

CANCELLATION_POLICIES = Reference(
    "cancellation_policies",
    "CancellationPolicy",
    "One row per cancellation policy of a rate group, deleted ones too. Mews grants it on request.",
    CANCELLATION_POLICY_COLUMNS,
    Whole(
        "cancellationPolicies/getAll",
        ("CancellationPolicies",),
        parents=(
            ParentIds("ServiceIds", "services", limit=100),
            # It asks for one of several filters besides; these are all that there are.
            ParentIds("RateGroupIds", "rate_groups"),
        ),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("RateGroupId", through="rate_groups"),
    is_standard=False,
)

SERVICE_OVERBOOKING_LIMITS = Reference(
    "service_overbooking_limits",
    "ServiceOverbookingLimit",
    "One row per overbooking limit of a service, deleted ones too. Mews grants it on request.",
    SERVICE_OVERBOOKING_LIMIT_COLUMNS,
    Whole(
        "serviceOverbookingLimits/getAll",
        ("ServiceOverbookingLimits",),
        parents=(shapes.OF_SERVICES,),
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    owner=Owner("ServiceId", through="services"),
    is_standard=False,
)
