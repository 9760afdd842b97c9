"""Reservations from the booking to the bill.

Lives here: `Stays`: booking, changing, cancelling, checking in and out, the night audit. Not here: how
many guests book (`demand`, `daily_schedule`), records (`reservation_records`), bills (`billing`), extras (`extras`).

The order items of all nights are made at the booking, open. Each is posted to the ledger after its night.
"""

from __future__ import annotations

from mews_assets.sandbox.simulation.event_queue import Entry, EventQueue
from mews_assets.sandbox.simulation.hotel import Hotel
from mews_assets.sandbox.simulation.instants import DAY, HOUR, next_midnight, text
from mews_assets.sandbox.simulation.money.billing import Billing, NewItem
from mews_assets.sandbox.simulation.stays.extras import Extras
from mews_assets.sandbox.simulation.stays.guests import Guests
from mews_assets.sandbox.simulation.stays.inventory import Allotment, Inventory, Rooms
from mews_assets.sandbox.simulation.stays.nights import CHECK_IN, CHECK_OUT, Nights
from mews_assets.sandbox.simulation.stays.reservation_records import (
    Booking,
    Stay,
    person_counts,
    reservation_record,
)


class Stays:
    def __init__(
        self,
        hotel: Hotel,
        queue: EventQueue,
        billing: Billing,
        guests: Guests,
        rooms: Rooms,
        inventory: Inventory,
    ) -> None:
        self._hotel = hotel
        self._queue = queue
        self._billing = billing
        self._guests = guests
        self._rooms = rooms
        self._inventory = inventory
        self._extras = Extras(hotel, queue, billing)
        self._nights = Nights(hotel, queue, billing)
        self._number = (hotel.index + 1) * 100_000
        self._in_house: dict[str, Stay] = {}

    def book(self, arrival: int, nights: int, size: int) -> None:
        """A guest books so many rooms, as far as they are free."""
        rooms = [room for _ in range(size) if (room := self._rooms.take(arrival, nights)) is not None]
        if not rooms:
            return
        guest, own = self._guests.booker()
        company = self._guests.employer() if self._queue.chance(0.15) else None
        group = self._queue.new_id()
        for room in rooms:
            self._reserve(Booking(guest, own, company, arrival, nights, room, group))

    def pick_up(self, allotment: Allotment) -> None:
        """A guest books one room of a group's allotment."""
        room = self._inventory.picked(allotment)
        if room is not None:
            guest, own = self._guests.booker()
            company = allotment.company if self._queue.chance(0.5) else None
            group, block = self._queue.new_id(), allotment.block.id
            self._reserve(
                Booking(guest, own, company, allotment.arrival, allotment.nights, room, group, block)
            )

    def audit(self) -> None:
        """Every night: post to the ledger what the guests in the hotel have consumed."""
        for stay in self._in_house.values():
            self._post(stay, self._queue.now)

    def _reserve(self, booking: Booking) -> None:
        queue, hotel, company, arrival = self._queue, self._hotel, booking.company, booking.arrival
        departure = arrival + booking.nights
        start, end = hotel.clock.at(arrival, CHECK_IN), hotel.clock.at(departure, CHECK_OUT)
        payer = company if company and queue.chance(0.6) else booking.guest
        persons = (queue.rng.choice((1, 2, 2)), queue.rng.choice((0, 0, 0, 0, 1)))
        self._number += 1
        record = reservation_record(hotel, queue, self._number, booking, payer, (start, end), persons)
        if company:
            record["PartnerCompanyId"] = company.id
        if record["Origin"] == "ChannelManager" and queue.chance(0.5):
            record["TravelAgencyId"] = self._guests.agency().id
        stay = Stay(Entry("Reservation", hotel.id, record), booking, payer)
        stay.adults, stay.children = persons
        stay.unit = self._nights.night_price(hotel.kind_of[booking.room], arrival)
        queue.write(stay.reservation)
        with_breakfast = queue.chance(0.45)
        for night in range(arrival, departure):
            self._nights.add_night(stay, night, with_breakfast)
        if start - queue.now > 7 * DAY and queue.chance(0.07):
            self._nights.take_deposit(stay)
        self._plan(stay, start)

    def _plan(self, stay: Stay, start: int) -> None:
        """Plan what becomes of a reservation, drawn when it is booked."""
        queue, luck = self._queue, self._queue.rng.random()
        if stay.state != "Confirmed":
            queue.plan(queue.between(queue.now + HOUR, min(start, queue.now + 2 * DAY)), self._confirm, stay)
        if queue.chance(0.25):
            queue.plan(queue.between(queue.now, start), self._change, stay)
        if luck < 0.14 and start - queue.now > HOUR:
            queue.plan(queue.between(queue.now, start), self._cancel, stay, "RequestedByGuest")
        elif luck < 0.16:  # a no-show, found by the night audit
            queue.plan(next_midnight(start + 6 * HOUR), self._cancel, stay, "NoShow")
        else:
            late = int(HOUR * min(8.0, queue.rng.expovariate(0.5)))
            queue.plan(queue.between(start - HOUR // 2, start + late), self._check_in, stay)

    def _confirm(self, stay: Stay) -> None:
        if stay.state in ("Optional", "Inquired", "Requested"):
            stay.reservation.record["State"] = "Confirmed"
            self._queue.write(stay.reservation)

    def _change(self, stay: Stay) -> None:
        """Change the length, the price or the persons of a stay."""
        if stay.state in ("Canceled", "Started"):
            return
        queue, record, luck = self._queue, stay.reservation.record, self._queue.rng.random()
        if luck < 0.3 and self._rooms.extend(stay.room, stay.departure):
            self._nights.add_night(stay, stay.departure, with_breakfast=False)
            stay.nights += 1
        elif luck < 0.5 and stay.nights > 1:
            stay.nights -= 1
            self._rooms.release(stay.room, stay.departure, 1)
            for night, charge in stay.charges:
                if night == stay.departure:
                    self._billing.cancel(charge, with_reservation=False)
            stay.charges = [(night, charge) for night, charge in stay.charges if night != stay.departure]
        elif luck < 0.8:
            stay.unit = self._nights.night_price(self._hotel.kind_of[stay.room], stay.arrival)
            unit = self._hotel.till.price((stay.unit, self._hotel.place.stay_tax))
            for _, charge in stay.charges:
                if charge.entry.record["Type"] == "SpaceOrder" and charge.amount != unit:
                    self._billing.reprice(charge, unit)
        else:
            stay.children = 1 - stay.children
            record["PersonCounts"] = person_counts(self._hotel, stay.adults, stay.children)
        end = text(self._hotel.clock.at(stay.departure, CHECK_OUT))
        record.update(ScheduledEndUtc=end, EndUtc=end, UpdaterProfileId=queue.rng.choice(self._hotel.staff))
        queue.write(stay.reservation)

    def _cancel(self, stay: Stay, reason: str) -> None:
        queue = self._queue
        reasons = ("BookedElsewhere", "PriceTooHigh", "RequestedByGuest", "Other")
        record = stay.reservation.record
        record.update(State="Canceled", CancelledUtc=text(queue.now))
        record["CancellationReason"] = reason if reason == "NoShow" else queue.rng.choice(reasons)
        queue.write(stay.reservation)
        for _, charge in stay.charges:
            self._billing.cancel(charge, with_reservation=True)
        self._rooms.release(stay.room, stay.arrival, stay.nights)
        late = self._hotel.clock.at(stay.arrival, CHECK_IN) - queue.now < 3 * DAY
        fee = stay.deposit or (stay.charges[0][1].amount.gross if late and queue.chance(0.6) else 0)
        if fee:
            charges = [
                self._billing.charge(
                    NewItem(
                        "CancellationFee",
                        self._hotel.stay_service,
                        stay.reservation.id,
                        stay.payer,
                        "Cancellation fees",
                        self._hotel.till.plain(fee),
                        queue.now,
                    )
                )
            ]
            if stay.deposit:
                charges.append(self._nights.deposit(stay, -stay.deposit))
            self._nights.pay_apart(stay, *charges)

    def _check_in(self, stay: Stay) -> None:
        self._confirm(stay)
        queue, hotel, record = self._queue, self._hotel, stay.reservation.record
        record.update(
            State="Started", ActualStartUtc=text(queue.now), AssignedResourceId=hotel.room_ids[stay.room]
        )
        by_kiosk = queue.chance(0.1)
        record["Options"] = {
            "OwnerCheckedIn": True,
            "AllCompanionsCheckedIn": queue.chance(0.7),
            "AnyCompanionCheckedIn": True,
            "ConnectorCheckIn": by_kiosk,
        }
        record["QrCodeData"] = f"room:{stay.room + 1}" if by_kiosk else None
        queue.write(stay.reservation)
        if stay.own_guest and queue.chance(0.4):
            self._guests.register(stay.guest)
        companion = None if stay.payer is stay.guest else stay.guest
        stay.folio = self._billing.open(stay.payer, stay.reservation.id, companion)
        if hotel.place.city_tax:
            unit = hotel.till.plain(hotel.till.whole(hotel.place.city_tax))
            tax = self._billing.charge(
                NewItem(
                    "CityTax",
                    hotel.stay_service,
                    stay.reservation.id,
                    stay.payer,
                    "City tax",
                    unit,
                    queue.now,
                    count=stay.adults * stay.nights,
                )
            )
            stay.charges.append((stay.arrival, tax))
        self._in_house[stay.reservation.id] = stay
        leaves = hotel.clock.at(stay.departure, CHECK_OUT)
        if queue.chance(0.25):
            queue.plan(queue.between(queue.now + HOUR, leaves - 5 * HOUR), self._extras.order, stay)
        queue.plan(queue.between(leaves - 3 * HOUR, leaves), self._check_out, stay)

    def _post(self, stay: Stay, until: int) -> None:
        bill = stay.folio.bill.id if stay.folio else None
        for _, charge in stay.charges:
            if charge.consumed <= until and not charge.posted:
                self._billing.post(charge, bill)

    def _check_out(self, stay: Stay) -> None:
        queue, folio = self._queue, stay.folio
        if folio is None:
            raise RuntimeError(f"reservation {stay.reservation.id} checks out without having checked in")
        del self._in_house[stay.reservation.id]
        stay.reservation.record.update(State="Processed", ActualEndUtc=text(queue.now))
        queue.write(stay.reservation)
        if queue.chance(0.03):
            self._extras.rebate_night(stay)
        if stay.deposit:
            stay.charges.append((stay.departure, self._nights.deposit(stay, -stay.deposit)))
        self._post(stay, queue.now)
        folio.charges = [charge for _, charge in stay.charges]
        self._billing.settle(folio, at_midnight=queue.chance(0.06))
        if queue.chance(0.015):
            queue.plan(queue.between(queue.now + DAY, queue.now + 3 * DAY), self._extras.credit, stay, folio)
        if stay.own_guest and queue.chance(0.01):
            queue.plan(queue.between(queue.now + HOUR, queue.now + 5 * DAY), self._guests.merge, stay.guest)
