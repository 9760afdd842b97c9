"""Conditions of sale, agreements with firms, vouchers, devices.

Lives here: records of CancellationPolicy, ServiceOverbookingLimit, TravelAgencyContract, BillingAutomation,
RoutingRule, Voucher, VoucherAssignment, VoucherCode, Device and Configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, text
from mews_assets.sandbox.simulation.reference.made import born, record_id
from mews_assets.sandbox.simulation.reference.rates import GROUPS, group_id

Records = Iterator[tuple[str, dict[str, Any]]]


def condition_records(hotel: Hotel, firms: Sequence[str], agencies: Sequence[str]) -> Records:
    """`firms` and `agencies` are the ids of the chain's companies that book, and that mediate."""
    yield from _sale(hotel)
    yield from _agreements(hotel, firms[0], agencies)
    yield from _vouchers(hotel, firms[0])
    yield from _settings(hotel)


def _sale(hotel: Hotel) -> Records:
    for name in GROUPS:
        is_flexible = name == "Flexible"
        yield (
            "CancellationPolicy",
            {
                "Id": record_id(hotel, f"cancellation of {name}"),
                "RateGroupId": group_id(hotel, name),
                "Applicability": "Start" if is_flexible else "Creation",
                "FeeExtent": ["TimeUnits"],
                "ApplicabilityOffset": "-P0M1DT0H0M0S" if is_flexible else "P0M0DT0H0M0S",
                "FeeMaximumTimeUnits": 1 if is_flexible else None,
                "AbsoluteFee": {"Currency": hotel.place.currency, "Value": 0},
                "RelativeFee": 1,
                "IsActive": True,
            }
            | born(hotel),
        )
    yield (
        "ServiceOverbookingLimit",
        {
            "Id": record_id(hotel, "overbooking"),
            "ServiceId": hotel.stay_service,
            "FirstTimeUnitStartUtc": text(hotel.opened),
            "LastTimeUnitStartUtc": text(hotel.opened + 3650 * DAY),
            "Limit": 0,
            "IsActive": True,
        }
        | born(hotel),
    )


def _agreements(hotel: Hotel, firm: str, agencies: Sequence[str]) -> Records:
    for number, agency in enumerate(agencies):
        yield (
            "TravelAgencyContract",
            {
                "Id": record_id(hotel, f"contract with {agency}"),
                "ServiceId": hotel.stay_service,
                "CompanyId": agency,
                "IsActive": True,
                "CommissionIncluded": True,
                "Commission": 0.15,
                "ChannelManagerAbsoluteAdjustment": None,
                "ChannelManagerRelativeAdjustment": None,
                "Options": {
                    "IncludeCancellationFeeInCommissionEstimate": False,
                    "SkipAutomaticSettlement": False,
                },
                "AccountingCode": f"A{number:03d}",
                "InvoiceDueInterval": "P0M30DT0H0M0S",
                "ChannelManagerBusinessSegmentId": hotel.segments[0],
                "ContactPerson": "Ada Example",
                "ContactEmail": f"contracts{number}@example.com",
                "AdditionalContactInfo": None,
                "Notes": None,
            }
            | born(hotel),
        )
    automation = record_id(hotel, "billing automation")
    taken = ("SpaceOrder", "CityTax", "AllProducts", "Deposits", "AdditionalExpenses", "AllCustomItems")
    yield (
        "BillingAutomation",
        {
            "Id": automation,
            "EnterpriseId": hotel.id,
            "Name": "Firm pays the nights",
            "Description": None,
            "CompaniesWithRelations": [
                {"CompanyId": firm, "CompanyRelations": {"PartnerCompany": True, "TravelAgency": False}}
            ],
            "Prepayment": "All",
            "AssignmentTargetType": "CompanyAsOwner",
            "TriggerType": "Continuous",
            "BillAggregationType": "OnePerReservation",
            "CreatorProfileId": hotel.staff[0],
            "UpdaterProfileId": hotel.staff[0],
            "ProcessingStartOffset": None,
            "OrderItemConsumptionPeriod": None,
            "Assignments": [
                {
                    "Id": record_id(hotel, "assignment of the automation"),
                    "BillingAutomationId": automation,
                    "ServiceId": hotel.stay_service,
                    "RoutedItemTypes": {kind: kind == "SpaceOrder" for kind in taken},
                    "RateIds": None,
                    "ProductCategoryIds": None,
                    "ProductIds": None,
                    "AccountingCategoryAssignments": None,
                }
            ],
        }
        | born(hotel),
    )
    yield (
        "RoutingRule",
        {
            "Id": record_id(hotel, "routing rule"),
            "EnterpriseId": hotel.id,
            "CompanyId": firm,
            "CompanyRelation": "PartnerCompany",
            "Applicability": "Always",
            "RouteType": "SelectedStayItems",
            "ServiceId": hotel.stay_service,
            "SelectedStayItems": {"Nights": True, "CityTax": False, "ProductCategoryIds": None},
        }
        | born(hotel),
    )


def _vouchers(hotel: Hotel, firm: str) -> Records:
    for name, kind, company, rate in (
        ("Friends", "Public", None, hotel.rates[0]),
        ("Firm", "PartnerCompany", firm, hotel.rates[2]),
    ):
        voucher = record_id(hotel, f"voucher {name}")
        yield (
            "Voucher",
            {
                "Id": voucher,
                "ServiceId": hotel.stay_service,
                "EnterpriseId": hotel.id,
                "Name": name,
                "Type": kind,
                "CompanyId": company,
                "TravelAgencyId": None,
                "OccupiableIntervalStartUtc": None,
                "OccupiableIntervalEndUtc": None,
                "ExternalIdentifier": None,
                "IsActive": True,
                "ActivityState": "Active",
            }
            | born(hotel),
        )
        yield "VoucherAssignment", {"VoucherId": voucher, "RateId": rate}
        yield (
            "VoucherCode",
            {
                "Id": record_id(hotel, f"code of {name}"),
                "VoucherId": voucher,
                "Value": f"{name.upper()}{hotel.index + 1:03d}",
                "ValidityStartUtc": text(hotel.opened),
                "ValidityEndUtc": None,
                "IsActive": True,
                "ActivityState": "Active",
            }
            | born(hotel),
        )


def _settings(hotel: Hotel) -> Records:
    for number, kind in enumerate(("Printer", "PaymentTerminal", "KeyCutter"), 1):
        id = record_id(hotel, f"device {kind}")
        yield "Device", {"Id": id, "Type": kind, "Name": f"{kind} {number}", "Identifier": f"D{number}"}
    records = dict(hotel.reference)
    enterprise = {name: value for name, value in records["Enterprise"].items() if name != "LinkedUtc"}
    yield (
        "Configuration",
        {
            "NowUtc": text(hotel.opened),
            "Enterprise": enterprise
            | {
                "Currencies": [{"Currency": hotel.place.currency, "IsDefault": True, "IsEnabled": True}],
                "AccountingConfiguration": {
                    "AdditionalTaxIdentifier": None,
                    "CompanyName": f"{hotel.name} Ltd",
                    "BankAccountNumber": None,
                    "BankName": None,
                    "Iban": None,
                    "Bic": None,
                    "SurchargeConfiguration": {
                        "SurchargeFees": {},
                        "SurchargeServiceId": None,
                        "SurchargeTaxCode": None,
                    },
                    "EnabledExternalPaymentTypes": ["Cash", "Invoice", "CreditCard"],
                    "Options": [],
                },
                "IsPortfolio": False,
            },
            "Service": None,
            "PaymentCardStorage": None,
            "IsIdentityDocumentNumberRequired": False,
        },
    )
