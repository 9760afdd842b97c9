"""What belongs to a reservation or a guest and is asked for by its id: companions, notes, identity documents.

Lives here: the tables companionships, service_order_notes and identity_documents. All are fetched only if they are
named: each window takes requests of its own, and identity documents are the most delicate data there is.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import ChangedParents, Pages, ScopeKind, Table

NOTE_TYPES = ("General", "ChannelManager", "SpecialRequest")
DOCUMENT_TYPES = ("IdentityCard", "Passport", "Visa", "DriversLicense")

COMPANIONSHIP_COLUMNS = (
    shapes.row_id("companionship"),
    string("CustomerId", "Id of the guest.", required=True, person=True),
    string(
        "ReservationGroupId",
        "Id of the group of the reservation.",
        required=True,
        refers_to="reservation_groups",
    ),
    string(
        "ReservationId",
        "Id of the reservation, if it is of a single one.",
        refers_to="reservations",
    ),
)

SERVICE_ORDER_NOTE_COLUMNS = (
    shapes.row_id("note"),
    string("OrderId", "Id of the reservation or product service order.", required=True),
    string("Text", "Free text that people wrote about it.", pii=True),
    enum("Type", NOTE_TYPES, "Where the note comes from.", required=True),
    utc("CreatedUtc", "When the note was created."),
    utc("UpdatedUtc", "When the note was last changed."),
)

IDENTITY_DOCUMENT_COLUMNS = (
    shapes.row_id("identity document"),
    string("CustomerId", "Id of the customer.", required=True, person=True),
    # Mews always sends it. It is not required here, because it is empty once the customer is forgotten.
    enum("Type", DOCUMENT_TYPES, "Kind of the document.", pii=True),
    string("Number", "Number of the document.", required=True, pii=True),
    utc("ExpirationDate", "Day on which it expires, as an instant.", pii=True),
    utc("IssuanceDate", "Day on which it was issued, as an instant.", pii=True),
    string("IssuingCountryCode", "ISO 3166-1 code of the country that issued it.", pii=True),
    string("IssuingCountrySubdivisionCode", "ISO 3166-2 code of the region that issued it.", pii=True),
    string("IssuingCity", "City that issued it.", pii=True),
    string("IdentityDocumentSupportNumber", "Support number of the document.", pii=True),
    boolean("IsVerified", "Whether somebody has verified it.", required=True),
)

COMPANIONSHIPS = Table(
    "companionships",
    "Companionship",
    "One row per version of a companionship: a guest of a reservation. One taken away leaves no trace: those of a "
    "reservation that have its latest `_window_utc` are there still.",
    COMPANIONSHIP_COLUMNS,
    Pages(
        "companionships/getAll",
        "Companionships",
        # The Extent names only related records, none of which is wanted.
        parameters={"Extent": {"Reservations": False, "ReservationGroups": False, "Customers": False}},
        of_parents=ChangedParents("ReservationIds", ("reservations",)),
    ),
    scope_column=None,
    window_column=None,
    version_column=None,
    is_standard=False,
)

SERVICE_ORDER_NOTES = Table(
    "service_order_notes",
    "ServiceOrderNote",
    "One row per version of a note on a reservation or product service order. A deleted one leaves no trace: those of "
    "an order that have its latest `_window_utc` are there still.",
    SERVICE_ORDER_NOTE_COLUMNS,
    Pages(
        "serviceOrderNotes/getAll",
        "ServiceOrderNotes",
        parameters={"Types": list(NOTE_TYPES)},
        of_parents=ChangedParents("ServiceOrderIds", ("reservations", "product_service_orders")),
    ),
    scope_column=None,
    window_column=None,
    version_column=None,
    is_standard=False,
)

IDENTITY_DOCUMENTS = Table(
    "identity_documents",
    "IdentityDocument",
    "One row per version of an identity document of a customer. A deleted one leaves no trace: those of a customer "
    "that have the latest `_window_utc` are there still.",
    IDENTITY_DOCUMENT_COLUMNS,
    Pages(
        "identityDocuments/getAll",
        "IdentityDocuments",
        scope_parameter="ChainIds",
        of_parents=ChangedParents("CustomerIds", ("customers",), limit=100),
    ),
    scope=ScopeKind.CHAIN,
    scope_column=None,
    window_column=None,
    version_column=None,
    is_standard=False,
)
