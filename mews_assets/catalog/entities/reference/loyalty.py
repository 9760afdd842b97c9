"""Loyalty programs of chains.

Lives here: the tables loyalty_programs and loyalty_tiers. Not here: their members.
"""

from __future__ import annotations

from mews_assets.catalog.columns import enum, integer, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import ScopeKind
from mews_assets.catalog.reference_model import Owner, ParentIds, Reference, Whole

LOYALTY_PROGRAM_COLUMNS = (
    shapes.row_id("loyalty program"),
    shapes.CHAIN_ID,
    string("Name", "Name of the program.", required=True),
    string("Code", "Code of the program.", required=True),
    enum("Type", ("Hotel", "ExternalPartner", "SoftBrand", "Unknown"), "Whose program it is.", required=True),
    enum("Subscription", ("Free", "Paid"), "Whether members pay for it.", required=True),
)

LOYALTY_TIER_COLUMNS = (
    shapes.row_id("loyalty tier"),
    string("LoyaltyProgramId", "Id of the program.", required=True, refers_to="loyalty_programs"),
    string("Name", "Name of the tier.", required=True),
    string("Code", "Code of the tier.", required=True),
    integer("Ordering", "Place of the tier in its program; the lower comes first.", required=True),
)

# Rows do not say whether they are deleted, so only active ones are asked for.
_ACTIVE = {"ActivityStates": ["Active"]}

LOYALTY_PROGRAMS = Reference(
    "loyalty_programs",
    "LoyaltyProgram",
    "One row per loyalty program of a chain.",
    LOYALTY_PROGRAM_COLUMNS,
    Whole("loyaltyPrograms/getAll", ("LoyaltyPrograms",), scope_parameter="ChainIds", parameters=_ACTIVE),
    owner=Owner("ChainId"),
    scope=ScopeKind.CHAIN,
    vanishes=True,
    is_standard=False,
)

LOYALTY_TIERS = Reference(
    "loyalty_tiers",
    "LoyaltyTier",
    "One row per tier of a loyalty program.",
    LOYALTY_TIER_COLUMNS,
    Whole(
        "loyaltyTiers/getAll",
        ("LoyaltyTiers",),
        scope_parameter="ChainIds",
        parents=(ParentIds("LoyaltyProgramIds", "loyalty_programs"),),
        parameters=_ACTIVE,
    ),
    owner=Owner("LoyaltyProgramId", through="loyalty_programs"),
    scope=ScopeKind.CHAIN,
    vanishes=True,
    is_standard=False,
)
