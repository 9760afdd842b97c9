"""Order items of a reservation: its nights, breakfasts and deposits.

Lives here: the prices and order items of nights, money paid before or instead of the stay. Not here: when they
are made (`reservation_lifecycle`).
"""

from __future__ import annotations

from mews_assets.sandbox.simulation.amounts import Amount
from mews_assets.sandbox.simulation.demand import price_factor
from mews_assets.sandbox.simulation.event_queue import EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.money.billing import Billing, Charge, NewItem
from mews_assets.sandbox.simulation.stays.extras import product_data
from mews_assets.sandbox.simulation.stays.reservation_records import Stay

CHECK_IN, CHECK_OUT, BREAKFAST = 15, 11, 7
"""Local hours."""


class Nights:
    def __init__(self, hotel: Hotel, queue: EventQueue, billing: Billing) -> None:
        self._hotel = hotel
        self._queue = queue
        self._billing = billing

    def night_price(self, kind: int, night: int) -> int:
        usual = self._hotel.place.room_price
        step = max(1, 10 ** (len(str(usual)) - 2))
        price = usual * self._hotel.kinds[kind][1] * price_factor(night, self._queue.rng)
        return self._hotel.till.whole(round(price / step) * step)

    def add_night(self, stay: Stay, night: int, with_breakfast: bool) -> None:
        hotel, order = self._hotel, stay.reservation.id
        unit = hotel.till.price((stay.unit, hotel.place.stay_tax))
        slept = hotel.clock.at(night, CHECK_IN)
        charge = self._billing.charge(
            NewItem(
                "SpaceOrder", hotel.stay_service, order, stay.payer, "Accommodation", unit, slept, start=slept
            )
        )
        stay.charges.append((night, charge))
        if with_breakfast:
            meal = hotel.clock.at(night + 1, BREAKFAST)
            charge = self._billing.charge(
                NewItem(
                    "ProductOrder",
                    hotel.stay_service,
                    order,
                    stay.payer,
                    "Breakfast",
                    self._breakfast(),
                    meal,
                    count=stay.adults,
                    data=product_data(hotel.breakfast, hotel.adult),
                )
            )
            stay.charges.append((night, charge))

    def _breakfast(self) -> Amount:
        """Food and drinks have different tax rates, so one item has two."""
        place, price = self._hotel.place, self._hotel.breakfast.price
        drinks = price * 3 // 10
        if place.food_tax == place.drink_tax:
            return self._hotel.till.price((price, place.food_tax))
        return self._hotel.till.price((price - drinks, place.food_tax), (drinks, place.drink_tax))

    def take_deposit(self, stay: Stay) -> None:
        total = sum(charge.amount.gross for _, charge in stay.charges)
        stay.deposit = total * 3 // 10
        self.pay_apart(stay, self.deposit(stay, stay.deposit))

    def deposit(self, stay: Stay, value: int) -> Charge:
        """A deposit, or where `value` is negative its use."""
        amount, service = self._hotel.till.plain(value), self._hotel.stay_service
        return self._billing.charge(
            NewItem("Deposit", service, stay.reservation.id, stay.payer, "Deposits", amount, self._queue.now)
        )

    def pay_apart(self, stay: Stay, *charges: Charge) -> None:
        """Put items on a separate bill, paid and closed at once."""
        folio = self._billing.open(stay.payer, stay.reservation.id)
        for charge in charges:
            folio.charges.append(charge)
            self._billing.post(charge, folio.bill.id)
        self._billing.settle(folio)
