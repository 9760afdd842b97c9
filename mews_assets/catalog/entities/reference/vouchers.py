"""Vouchers: codes that open rates.

Lives here: the tables vouchers, voucher_assignments and voucher_codes.
"""

from __future__ import annotations

from mews_assets.catalog.columns import boolean, enum, string, utc
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.reference_model import Owner, ParentIds, Reference, Whole

VOUCHER_COLUMNS = (
    shapes.row_id("voucher"),
    shapes.SERVICE_ID,
    shapes.ENTERPRISE_ID,
    string("Name", "Name of the voucher.", required=True),
    shapes.created_utc("voucher"),
    shapes.updated_utc("voucher"),
    enum("Type", ("Public", "PartnerCompany", "TravelAgency"), "For whom the voucher is.", required=True),
    string("CompanyId", "Id of the company it is for.", refers_to="companies"),
    string("TravelAgencyId", "Id of the travel agency it is for.", refers_to="companies"),
    utc("OccupiableIntervalStartUtc", "Start of the time for which it can be used."),
    utc("OccupiableIntervalEndUtc", "End of the time for which it can be used."),
    shapes.EXTERNAL_IDENTIFIER,
    shapes.IS_ACTIVE,
    shapes.ACTIVITY_STATE,
)

VOUCHER_ASSIGNMENT_COLUMNS = (
    string("VoucherId", "Id of the voucher.", required=True, refers_to="vouchers"),
    string("RateId", "Id of the rate that it opens.", required=True, refers_to="rates"),
)

VOUCHER_CODE_COLUMNS = (
    shapes.row_id("voucher code"),
    string("VoucherId", "Id of the voucher.", required=True, refers_to="vouchers"),
    string("Value", "The code itself; it is worth money to whoever knows it.", pii=True),
    utc("ValidityStartUtc", "From when on it can be used."),
    utc("ValidityEndUtc", "Until when it can be used."),
    shapes.created_utc("voucher code", required=False),
    shapes.updated_utc("voucher code", required=False),
    boolean("IsActive", "Whether it still holds, that is, was not deleted.", required=True),
    shapes.ACTIVITY_STATE,
)

_VOUCHERS = {"Extent": {"Vouchers": True, "VoucherAssignments": True}, **shapes.ACTIVE_OR_DELETED}

VOUCHERS = Reference(
    "vouchers",
    "Voucher",
    "One row per voucher, deleted ones too.",
    VOUCHER_COLUMNS,
    Whole("vouchers/getAll", ("Vouchers",), parents=(shapes.OF_SERVICES,), parameters=_VOUCHERS),
    is_standard=False,
)

VOUCHER_ASSIGNMENTS = Reference(
    "voucher_assignments",
    "VoucherAssignment",
    "One row per rate that a voucher opens.",
    VOUCHER_ASSIGNMENT_COLUMNS,
    Whole("vouchers/getAll", ("VoucherAssignments",), parents=(shapes.OF_SERVICES,), parameters=_VOUCHERS),
    owner=Owner("VoucherId", through="vouchers"),
    keyed_by=("VoucherId", "RateId"),
    vanishes=True,
    is_standard=False,
)

VOUCHER_CODES = Reference(
    "voucher_codes",
    "VoucherCode",
    "One row per code of a voucher.",
    VOUCHER_CODE_COLUMNS,
    Whole("voucherCodes/getAll", ("VoucherCodes",), parents=(ParentIds("VoucherIds", "vouchers"),)),
    owner=Owner("VoucherId", through="vouchers"),
    is_standard=False,
)
