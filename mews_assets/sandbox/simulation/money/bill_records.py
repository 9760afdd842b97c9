"""Bills as records, with the data of their owner."""

from __future__ import annotations

from typing import Any

from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import text


def bill_record(hotel: Hotel, queue: EventQueue, owner: Entry, guest: Entry | None) -> dict[str, Any]:
    """A new, open bill. `guest` is the guest whose stay a company pays for."""
    now, is_company = text(queue.now), owner.entity == "Company"
    return {
        "Id": queue.new_id(),
        "Name": None,
        "EnterpriseId": hotel.id,
        "AccountId": owner.id,
        "AccountType": owner.entity,
        "CustomerId": None if is_company else owner.id,
        "CompanyId": owner.id if is_company else None,
        "AssociatedAccountIds": [guest.id] if guest else [],
        "CounterId": None,
        "State": "Open",
        "Type": "Receipt",
        "Number": None,
        "VariableSymbol": None,
        "CreatedUtc": now,
        "IssuedUtc": None,
        "TaxedUtc": None,
        "PaidUtc": None,
        "DueUtc": None,
        "LastReminderDateUtc": None,
        "UpdatedUtc": now,
        "PurchaseOrderNumber": f"PO-{queue.rng.randint(1000, 9999)}" if is_company else None,
        "Notes": None,
        "Options": {
            "DisplayCustomer": True,
            "DisplayTaxation": True,
            "TrackReceivable": is_company,
            "DisplayCid": False,
            "Rebated": False,
        },
        "OwnerData": _party(owner),
        "AssociatedAccountData": [_associate(guest)] if guest else None,
        "EnterpriseData": {
            "AdditionalTaxIdentifier": None,
            "CompanyName": f"{hotel.name} Ltd",
            "BankAccount": None,
            "BankName": None,
            "Iban": None,
            "Bic": None,
        },
        "CorrectionState": "Bill",
        "CorrectionType": None,
        "CorrectedBillId": None,
        "AssigneeData": None,
        "CompanyDetails": None,
        "Revenue": None,
        "Payments": None,
        "OrderItems": None,
        "PaymentItems": None,
    }


def _party(owner: Entry) -> dict[str, Any]:
    kind = "BillCompanyData" if owner.entity == "Company" else "BillCustomerData"
    return {"Discriminator": kind, "Value": _details(owner)}


def _associate(guest: Entry) -> dict[str, Any]:
    return {"Discriminator": "BillCustomerData", "BillCustomerData": _details(guest), "BillCompanyData": None}


def _details(owner: Entry) -> dict[str, Any]:
    record = owner.record
    if owner.entity == "Company":
        return {
            "Id": owner.id,
            "Address": None,
            "LegalIdentifiers": {"TaxIdentifier": record["TaxIdentifier"]},
            "BillingCode": None,
            "Name": record["Name"],
            "FiscalIdentifier": None,
            "AdditionalTaxIdentifier": None,
            "DUNS": None,
            "Telephone": record["Telephone"],
            "TaxIdentifier": record["TaxIdentifier"],
            "InvoicingEmail": record["InvoicingEmail"],
            "Department": None,
        }
    return {
        "Id": owner.id,
        "Address": None,
        "LegalIdentifiers": None,
        "BillingCode": None,
        "LastName": record["LastName"],
        "FirstName": record["FirstName"],
        "SecondLastName": None,
        "TitlePrefix": record["Title"],
        "TaxIdentifier": None,
    }
