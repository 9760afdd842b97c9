"""The marts daily_performance and daily_performance_by_dimension: rooms sold, ADR, RevPAR of each hotel and day.

Lives here: both marts, their texts and plots. Not here: their queries (`performance_counts`, `performance_by_day`).

They are two tables, because sums over one table with both would count everything six times. Hotel and day are the key
of the first, which joins other tables as it is; the second is long, so that a report shows any dimension with one
filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from mews_assets.marts import columns, grids, plot_parts, preview
from mews_assets.marts.columns import count, money
from mews_assets.marts.model import DaysPanel, Form, Mart, MartColumn, Plot
from mews_assets.marts.stays import stay_sql
from mews_assets.marts.stays.performance_by_day import CLOSED_NIGHTS, query
from mews_assets.marts.stays.performance_counts import GIVEN

_DEFINITIONS = f"""
    rooms_available  = rooms, those out of order and of house use too, without
                       those that a block closes for {CLOSED_NIGHTS} nights or longer
    rooms_sold       = rooms that guests slept in, without those for which all
                       night items (SpaceOrder) of the night add up to zero
    occupancy        = rooms_sold / rooms_available, in percent
    ADR              = rooms_revenue / rooms_sold
    RevPAR, TRevPAR  = rooms_revenue, total_revenue / rooms_available
    rooms_revenue    = net of order items whose accounting category is classified
                       Accommodation; where it has no classification, of Type
                       SpaceOrder and NightRebate of stays in rooms
    total_revenue    = net of all order items but CityTax, CityTaxDiscount and
                       Deposit, and of OutletItems of Type Revenue

By USALI, the hotels' uniform system of accounts. A room is an active resource in a category of a type that guests sleep
in, from the day of its CreatedUtc; a dormitory counts by its beds. It is out of order, or of house use, in the nights
of its ResourceBlock, until the block was deleted. A stay is a reservation that is Confirmed, Started or Processed, in
the category of its room, or in the requested one. It is slept from ScheduledStartUtc to ScheduledEndUtc, or to
ActualEndUtc where the guest left earlier: rooms_booked counts what was booked.

To add up days, divide sums: occupancy of a month is sum(rooms_sold) / sum(rooms_available). Days are the hotel's
business days, up to the last that is over. A day is not complete before MEWS_START_DATE, and while a guest of that
night, who booked before it, is in the house: the items come when the bill is closed. Blocks of rooms, and guests who
arrived before MEWS_START_DATE, are here only if they were updated since: materialise snapshot/resource_blocks and
snapshot/reservations once to have them all. Amounts in another currency than most of a hotel's, and rows with another
fault, are left out, and reported by the check `none_left_out`."""

_FROM = """
From current/reservations, current/order_items, current/outlet_items, current/resource_blocks, reference/enterprises,
reference/accounting_categories, reference/resources, reference/resource_categories,
reference/resource_category_assignments, reference/business_segments, reference/rates."""

SUMMARY = "Rooms available and sold, occupancy, ADR, RevPAR and TRevPAR per hotel and business day."
DESCRIPTION = f"{SUMMARY}\n{_DEFINITIONS}{_FROM}"

SUMMARY_BY = "Rooms sold, occupancy, ADR and RevPAR by resource category, segment, rate, source and origin."
DESCRIPTION_BY = f"""{SUMMARY_BY}

One row per hotel, business day, dimension and group. Filter by one `dimension`: each of them counts every stay. What a
group has is by the definitions of daily_performance:
{_DEFINITIONS}

A category has its own rooms, and a row for every day. The others have no rooms: their occupancy, RevPAR and TRevPAR are
parts of the hotel's, and add up to it. Source is OriginDetails, the channel's or agency's name. Revenue is in the group
of its reservation; what has none, such as sales of outlets, is in the group `not given`.{_FROM}"""

INPUTS = (
    "current/reservations",
    "current/order_items",
    "current/outlet_items",
    "current/resource_blocks",
    "reference/accounting_categories",
    *stay_sql.INPUTS,
)

_FIGURES: tuple[MartColumn, ...] = (
    columns.BUSINESS_DAY,
    columns.IS_COMPLETE,
    columns.IS_FINAL,
    columns.CURRENCY,
    count("rooms_available", "Rooms, those out of order and of house use too; without closed ones."),
    count("rooms_out_of_order", "Of the rooms available, those out of order."),
    count("rooms_house_use", "Of the rooms available, those that the house itself uses."),
    count("rooms_closed", f"Rooms blocked for {CLOSED_NIGHTS} nights or longer, which are not available."),
    count("rooms_occupied", "Rooms that guests slept in, free of charge or not."),
    count("rooms_complimentary", "Of the rooms occupied, those that were free of charge."),
    count("rooms_sold", "Rooms occupied, without complimentary ones."),
    count("rooms_booked", "Rooms by the booked dates: guests who left early still count."),
    money("rooms_revenue", "Net revenue of rooms."),
    money("total_revenue", "Net revenue of everything, outlets included."),
    money(
        "outlet_revenue", "Of the total revenue, that of outlet items: a hotel may charge it to rooms too."
    ),
    money("occupancy_percent", "100 x rooms_sold / rooms_available (of a group without rooms: the hotel's)."),
    money("adr", "Average daily rate: rooms_revenue / rooms_sold; empty where none is sold."),
    money("revpar", "Revenue per available room: rooms_revenue / rooms_available (or the hotel's)."),
    money("trevpar", "Total revenue per available room: total_revenue / rooms_available (or the hotel's)."),
)


def plot(rows: pa.Table, as_of: datetime) -> Plot:
    """Rooms sold, out of order and available by day, a panel per hotel; of many hotels, occupancy as a grid."""
    if grids.is_many(rows):
        cell = grids.Cell("rooms_sold", "rooms_available", "all rooms available")
        return grids.grid("Daily performance: occupancy", rows, cell)
    recent = plot_parts.recent(rows)
    days = plot_parts.days_of(recent)
    shown, others = plot_parts.by_hotel(recent)
    panels = [_panel(name, own, days) for (name,), own in shown]
    return Plot(
        "Daily performance",
        "rooms by complete business day of the hotel" + others,
        tuple(panels),
        hotels=plot_parts.hotels_of(recent),
    )


def _panel(name: str, rows: list[plot_parts.Row], days: Sequence[date]) -> DaysPanel:
    sold, available = (sum(row[column] or 0 for row in rows) for column in ("rooms_sold", "rooms_available"))
    revenue = sum(float(row["rooms_revenue"]) for row in rows)
    currency = rows[0]["currency"] or ""
    figures = [
        f"occupancy {100 * sold / available:.1f} %" if available else "no rooms known",
        f"ADR {currency} {revenue / sold:,.2f}" if sold else "nothing sold",
        f"RevPAR {currency} {revenue / available:,.2f}" if available else "",
    ]
    known = {row["business_day"] for row in rows}
    text = ", ".join(figure for figure in figures if figure)
    return DaysPanel(
        f"{name}: {text} in {len(known & set(days))} days",
        "rooms",
        days,
        [
            plot_parts.series("sold", rows, days, "rooms_sold"),
            plot_parts.series("complimentary", rows, days, "rooms_complimentary"),
            plot_parts.series("out of order", rows, days, "rooms_out_of_order"),
            plot_parts.series("house use", rows, days, "rooms_house_use"),
            plot_parts.series("available", rows, days, "rooms_available", Form.DASHED),
        ],
    )


def plot_by(rows: pa.Table, as_of: datetime) -> Plot:
    """Rooms sold by day, stacked by segment."""
    segments = rows.filter(pc.equal(rows.column("dimension"), "segment"))
    drawn = plot_parts.Stack(
        "Rooms sold by segment",
        "by complete business day of the hotel; the other dimensions are in the rows",
        "rooms_sold",
        _value,
        unit="rooms",
    )
    return grids.stacked(drawn, segments)


def _value(row: plot_parts.Row) -> str:
    return str(row["value"] or row["value_id"])


DAILY_PERFORMANCE = Mart(
    name="daily_performance",
    summary=SUMMARY,
    description=DESCRIPTION,
    inputs=INPUTS,
    columns=(columns.ENTERPRISE_ID, columns.ENTERPRISE, *_FIGURES),
    key=("enterprise_id", "business_day"),
    given=GIVEN,
    query=query(),
    plot=plot,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise",),
)

DAILY_PERFORMANCE_BY_DIMENSION = Mart(
    name="daily_performance_by_dimension",
    summary=SUMMARY_BY,
    description=DESCRIPTION_BY,
    inputs=INPUTS,
    columns=(
        columns.ENTERPRISE_ID,
        columns.ENTERPRISE,
        columns.DIMENSION,
        columns.VALUE_ID,
        columns.VALUE,
        *_FIGURES,
    ),
    key=("enterprise_id", "dimension", "value_id", "business_day"),
    given=GIVEN,
    query=query(stay_sql.DIMENSIONS),
    plot=plot_by,
    preview=partial(preview.latest, "business_day"),
    named=("enterprise", "value"),
)
