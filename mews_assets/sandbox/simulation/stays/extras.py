"""Order items of a stay besides its nights: extras of the additional service, rebates, credit notes."""

from __future__ import annotations

from typing import Any

from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel, Product
from mews_assets.sandbox.simulation.instants import HOUR, next_midnight
from mews_assets.sandbox.simulation.money.billing import Billing, Folio, NewItem
from mews_assets.sandbox.simulation.stays.reservation_records import Stay, product_order_record


def product_data(product: Product, age: str | None = None) -> dict[str, Any]:
    """The `Data` of an order item that is a product."""
    details = {"ProductId": product.id, "AgeCategoryId": age, "ProductType": "Product"}
    return {"Discriminator": "Product", "Product": details}


class Extras:
    def __init__(self, hotel: Hotel, queue: EventQueue, billing: Billing) -> None:
        self._hotel = hotel
        self._queue = queue
        self._billing = billing
        self._number = (hotel.index + 1) * 10_000

    def order(self, stay: Stay) -> None:
        """A guest orders a product; it is served at once, and the order is processed by midnight."""
        if stay.state != "Started":
            return
        queue, hotel = self._queue, self._hotel
        self._number += 1
        order = Entry("ProductServiceOrder", hotel.id, product_order_record(hotel, queue, self._number, stay))
        queue.write(order)
        for _ in range(1 if queue.chance(0.8) else 2):
            product = queue.rng.choice(hotel.products)
            unit = hotel.till.price((product.price, product.tax))
            charge = self._billing.charge(
                NewItem(
                    "ProductOrder",
                    hotel.extras_service,
                    order.id,
                    stay.payer,
                    product.category,
                    unit,
                    queue.now,
                    count=queue.rng.choice((1, 1, 2)),
                    data=product_data(product),
                )
            )
            stay.charges.append((stay.arrival, charge))
        if queue.chance(0.05):
            queue.plan(queue.now + HOUR // 6, self._finish, order, "Started")
        when = (
            next_midnight(queue.now)
            if queue.chance(0.2)
            else queue.between(queue.now + HOUR, queue.now + 3 * HOUR)
        )
        queue.plan(when, self._finish, order, "Processed")

    def rebate_night(self, stay: Stay) -> None:
        """A rebate of a fifth on the last night. It counts for that night, so its ledger entries are written late."""
        spaces = [charge for _, charge in stay.charges if charge.entry.record["Type"] == "SpaceOrder"]
        rebated, hotel = spaces[-1], self._hotel
        unit = hotel.till.price((-stay.unit // 5, hotel.place.stay_tax))
        charge = self._billing.charge(
            NewItem(
                "NightRebate",
                hotel.stay_service,
                stay.reservation.id,
                stay.payer,
                "Accommodation",
                unit,
                rebated.consumed,
                data=self._rebate_data(rebated.entry),
            )
        )
        stay.charges.append((stay.departure, charge))

    def credit(self, stay: Stay, folio: Folio) -> None:
        """A rebate after departure, paid back with a credit note."""
        hotel, first = self._hotel, stay.charges[0][1]
        unit = hotel.till.price((-stay.unit // 4, hotel.place.stay_tax))
        charge = self._billing.charge(
            NewItem(
                "AdditionalExpenseRebate",
                hotel.stay_service,
                stay.reservation.id,
                stay.payer,
                "Accommodation",
                unit,
                self._queue.now,
                data=self._rebate_data(first.entry),
            )
        )
        note = self._billing.open(stay.payer, stay.reservation.id)
        note.charges.append(charge)
        self._billing.post(charge, note.bill.id)
        self._billing.settle(note, corrects=folio.bill)

    def _rebate_data(self, rebated: Entry) -> dict[str, Any]:
        details = {"ProductId": self._hotel.breakfast.id, "RebatedItemId": rebated.id}
        return {"Discriminator": "Rebate", "Rebate": details}

    def _finish(self, order: Entry, state: str) -> None:
        if order.record["State"] == "Processed":
            return
        order.record["State"] = state
        self._queue.write(order)
