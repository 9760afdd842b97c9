"""Service orders: reservations of spaces, and orders of products without one.

Lives here: the tables reservations and product_service_orders, which share most of their columns. A row of
either names its service only, and that its enterprise. Their addresses of 2023 (`serviceOrders/...`), a beta in
which rows named the enterprise, are not asked.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Column, Export, Pages, Table


def _service_order_columns(what: str) -> tuple[Column, ...]:
    """The columns that reservations and product service orders share, up to their own."""
    return (
        shapes.row_id(what),
        string(
            "ServiceId", f"Id of the service the {what} is made against.", required=True, refers_to="services"
        ),
        string(
            "AccountId", f"Id of the customer or company that owns the {what}.", required=True, person=True
        ),
        shapes.account_type(),
        shapes.CREATOR_PROFILE_ID,
        shapes.UPDATER_PROFILE_ID,
        shapes.BOOKER_ID,
        string("Number", "Confirmation number in Mews.", required=True),
        enum(
            "State",
            ("Inquired", "Confirmed", "Started", "Processed", "Canceled", "Optional", "Requested"),
            f"How far the {what} has got; Started is checked in, Processed is checked out.",
            required=True,
        ),
        enum(
            "Origin",
            ("Distributor", "ChannelManager", "Commander", "Import", "Connector", "Navigator"),
            f"Which system the {what} came from.",
            required=True,
        ),
        enum(
            "CommanderOrigin",
            ("InPerson", "Channel", "Phone", "Email", "Website", "Message", "CallCenter", "RoomingList"),
            "How it reached the hotel, where the staff entered it.",
        ),
        string("OriginDetails", "More about where it came from."),
        shapes.created_utc(what),
        shapes.updated_utc(what),
        utc("CancelledUtc", f"When the {what} was canceled."),
        string("VoucherId", "Id of the voucher it was made with.", refers_to="vouchers"),
        shapes.BUSINESS_SEGMENT_ID,
    )


RESERVATION_COLUMNS = (
    *_service_order_columns("reservation"),
    shapes.SERVICE_ORDER_OPTIONS,
    string("RateId", "Id of the rate it is priced by.", required=True, refers_to="rates"),
    string("CreditCardId", "Id of the credit card that guarantees it."),
    string("GroupId", "Id of the reservation group it is part of.", required=True),
    string(
        "RequestedResourceCategoryId",
        "Id of the resource category that was asked for.",
        required=True,
        refers_to="resource_categories",
    ),
    string("AssignedResourceId", "Id of the resource (a room, say) assigned to it.", refers_to="resources"),
    string("AvailabilityBlockId", "Id of the availability block it was taken from."),
    string("PartnerCompanyId", "Id of the company it was made for."),
    string("TravelAgencyId", "Id of the company that mediated it."),
    boolean("AssignedResourceLocked", "Whether it may not be moved to another resource.", required=True),
    string("ChannelNumber", "Confirmation number of the channel, where its group came from one."),
    string("ChannelManagerNumber", "Number given to it by the channel manager, unique within its group."),
    shapes.CANCELLATION_REASON,
    utc("ReleasedUtc", "When it is given up if it stays optional."),
    utc("ScheduledStartUtc", "Planned arrival.", required=True),
    utc("ActualStartUtc", "When the guests checked in."),
    utc("ScheduledEndUtc", "Planned departure.", required=True),
    utc("ActualEndUtc", "When the guests checked out."),
    enum("Purpose", shapes.PURPOSES, "Why the guests travel."),
    string("QrCodeData", "What the reservation's QR code says.", pii=True),
    shapes.PERSON_COUNTS,
    utc(
        "StartUtc", "Start; replaced by ScheduledStartUtc and ActualStartUtc.", required=True, deprecated=True
    ),
    utc("EndUtc", "End; replaced by ScheduledEndUtc and ActualEndUtc.", required=True, deprecated=True),
)

PRODUCT_SERVICE_ORDER_COLUMNS = (
    *_service_order_columns("product service order"),
    string("LinkedReservationId", "Id of the reservation it goes with."),
    shapes.SERVICE_ORDER_OPTIONS,
)

RESERVATIONS = Table(
    "reservations",
    "Reservation",
    "One row per version of a reservation: a stay of one resource category, by one account.",
    RESERVATION_COLUMNS,
    Export("Reservation"),
    scope_column="ServiceId",
    lookup=shapes.SERVICES,
    alternative=Pages("reservations/getAll/2023-06-06", "Reservations"),
)

PRODUCT_SERVICE_ORDERS = Table(
    "product_service_orders",
    "ProductServiceOrder",
    "One row per version of a product service order: products ordered without a stay, or beside one.",
    PRODUCT_SERVICE_ORDER_COLUMNS,
    # Mews answers for the services that are named, and exports no product service orders.
    Pages("productServiceOrders/getAll", "ProductServiceOrders", owned_parameter="ServiceIds"),
    scope_column="ServiceId",
    lookup=shapes.SERVICES,
)
