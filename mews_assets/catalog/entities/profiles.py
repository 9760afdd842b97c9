"""What belongs to guests and companies: notes, addresses, credit cards, loyalty memberships.

Lives here: the tables account_notes, addresses, credit_cards and loyalty_memberships. Not here: the accounts themselves
(see `guests`). All are fetched only if they are named.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, integer, record, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Column, Pages, ScopeKind, Table

NOTE_CLASSIFICATIONS = (
    "General",
    "FoodAndBeverage",
    "FrontOffice",
    "Reservations",
    "Housekeeping",
    "Maintenance",
    "PreviousStay",
    "FamilyRelations",
    "Gifts",
    "Accounting",
    "Complaints",
    "Other",
)

CARD_TYPES = (
    "MasterCard",
    "Visa",
    "Amex",
    "Discover",
    "DinersClub",
    "Jcb",
    "Maestro",
    "UnionPay",
    "VPay",
    "RuPay",
    "Dankort",
    "Mir",
    "Verve",
    "Troy",
    "PostFinance",
    "Giro",
    "Bancomat",
    "Bc",
    "CarteBleue",
    "Eftpos",
    "Eps",
    "Interac",
    "Isracard",
    "Meps",
    "Nets",
    "Bancontact",
)

ACCOUNT_ID = string("AccountId", "Id of the customer or company.", required=True, person=True)


def _profile(name: str, did: str) -> Column:
    """Who created or updated a record."""
    return record(
        name,
        (
            enum(
                "Discriminator",
                ("Personal", "Enterprise", "Platform", "Static", "Integration"),
                "What kind of user it is.",
                required=True,
            ),
            record(
                "EnterpriseProfile",
                (string("ProfileId", "Id of the user.", required=True),),
                "The user, if it is of the enterprise.",
            ),
        ),
        f"Who {did} it.",
        required=True,
    )


ACCOUNT_NOTE_COLUMNS = (
    shapes.row_id("note"),
    ACCOUNT_ID,
    string("Content", "Text of the note.", required=True, pii=True),
    shapes.account_type(),
    enum("Classifications", NOTE_CLASSIFICATIONS, "What the note is about.", required=True, is_list=True),
    shapes.IS_ACTIVE,
    _profile("CreatorProfile", "created"),
    _profile("UpdaterProfile", "last updated"),
)

ADDRESS_COLUMNS = (
    shapes.row_id("address"),
    ACCOUNT_ID,
    string("ChainId", "Id of the chain the row belongs to."),
    shapes.account_type(),
    *shapes.address_columns(pii=True),
    shapes.updated_utc("address", required=False),
    shapes.IS_ACTIVE,
)

CREDIT_CARD_COLUMNS = (
    shapes.row_id("credit card"),
    shapes.ENTERPRISE_ID,
    string("CustomerId", "Id of the customer whose card it is.", required=True, person=True),
    shapes.IS_ACTIVE,
    enum("State", ("Enabled", "Disabled"), "Whether it can be charged.", required=True),
    enum("Kind", ("Terminal", "Gateway"), "How it is charged.", required=True),
    enum("Format", ("Physical", "Virtual"), "Whether there is a card of plastic.", required=True),
    enum("Type", CARD_TYPES, "Scheme of the card."),
    string("ObfuscatedNumber", "Number of the card, most of it hidden.", pii=True),
    string("Expiration", "Last month of the card.", pii=True),
    shapes.created_utc("credit card"),
    shapes.updated_utc("credit card"),
)

LOYALTY_MEMBERSHIP_COLUMNS = (
    shapes.row_id("membership"),
    shapes.CHAIN_ID,
    ACCOUNT_ID,
    string("LoyaltyProgramId", "Id of the loyalty program.", required=True, refers_to="loyalty_programs"),
    enum(
        "State",
        ("New", "Pending", "Enrolled", "Canceled", "Declined"),
        "How far the membership has got.",
        required=True,
    ),
    boolean("IsPrimary", "Whether it is the account's first membership.", required=True),
    string("ProviderMembershipId", "Id of the membership at the program's provider.", pii=True),
    string("MembershipNumber", "Number of the member.", pii=True),
    integer("Points", "Points of the member.", pii=True),
    utc("ExpirationDate", "When the membership ends."),
    string("Url", "Address of the member's page.", pii=True),
    string("LoyaltyTierId", "Id of the tier that the member has reached.", refers_to="loyalty_tiers"),
    _profile("CreatorProfile", "created"),
    _profile("UpdaterProfile", "last updated"),
    string("Code", "Code of the membership.", pii=True, deprecated=True),
)

ACCOUNT_NOTES = Table(
    "account_notes",
    "AccountNote",
    "One row per version of a note on a customer or company.",
    ACCOUNT_NOTE_COLUMNS,
    Pages(
        "accountNotes/getAll",
        "AccountNotes",
        scope_parameter="ChainIds",
        parameters=shapes.ACTIVE_OR_DELETED,
    ),
    scope=ScopeKind.CHAIN,
    scope_column=None,
    window_column=None,
    version_column=None,
    is_standard=False,
)

ADDRESSES = Table(
    "addresses",
    "AccountAddress",
    "One row per version of an address of a customer or company.",
    ADDRESS_COLUMNS,
    Pages("addresses/getAll", "Addresses", scope_parameter="ChainIds", parameters=shapes.ACTIVE_OR_DELETED),
    scope=ScopeKind.CHAIN,
    # A row need not name its chain.
    scope_column=None,
    is_standard=False,
)

CREDIT_CARDS = Table(
    "credit_cards",
    "CreditCard",
    "One row per version of a credit card of a customer, without its number.",
    CREDIT_CARD_COLUMNS,
    Pages("creditCards/getAll", "CreditCards"),
    is_standard=False,
)

LOYALTY_MEMBERSHIPS = Table(
    "loyalty_memberships",
    "LoyaltyMembership",
    "One row per version of an account's membership in a loyalty program.",
    LOYALTY_MEMBERSHIP_COLUMNS,
    # Rows do not say whether they are deleted, so only active ones are asked for.
    Pages(
        "loyaltyMemberships/getAll",
        "LoyaltyMemberships",
        scope_parameter="ChainIds",
        parameters={"ActivityStates": ["Active"]},
    ),
    scope=ScopeKind.CHAIN,
    scope_column="ChainId",
    window_column=None,
    version_column=None,
    is_standard=False,
)
