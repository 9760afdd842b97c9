"""Hotels at a glance: occupancy, ADR and RevPAR by business day, from the mart `daily_performance`.

    streamlit run page.py

MEWS_LAKE is the folder or URI of the lake; by default the demonstration's.
"""

from __future__ import annotations

import os
from datetime import date

import pandas
import streamlit

LAKE = os.environ.get("MEWS_LAKE", "data/demo/lake")
FIGURES = {"Occupancy (%)": "occupancy_percent", "ADR": "adr", "RevPAR": "revpar"}


@streamlit.cache_data(ttl=300)
def read_days(lake: str) -> pandas.DataFrame:
    """The days whose rows are complete, by hotel."""
    days = pandas.read_parquet(f"{lake}/marts/daily_performance/rows.parquet")
    return days[days["is_complete"]].sort_values("business_day")


def total(days: pandas.DataFrame) -> dict[str, float]:
    """The figures of several days. Sums are divided: an average of averages would weigh small hotels too much."""
    available, sold = days["rooms_available"].sum(), days["rooms_sold"].sum()
    revenue = float(days["rooms_revenue"].sum())
    return {
        "Occupancy (%)": 100 * sold / available if available else 0.0,
        "ADR": revenue / sold if sold else 0.0,
        "RevPAR": revenue / available if available else 0.0,
    }


def main() -> None:
    streamlit.set_page_config(page_title="Hotels", layout="wide")
    streamlit.title("Hotels at a glance")
    days = read_days(LAKE)
    # One currency at a time: amounts of several do not add up.
    currency = streamlit.selectbox("Currency", sorted(days["currency"].unique()))
    days = days[days["currency"] == currency]
    hotels = sorted(days["enterprise"].unique())
    chosen = streamlit.multiselect("Hotels", hotels, default=hotels)
    first, last = days["business_day"].min(), days["business_day"].max()
    start, end = _days_between(first, last)
    shown = days[days["enterprise"].isin(chosen) & days["business_day"].between(start, end)]
    if shown.empty:
        streamlit.info("No complete day of these hotels.")
        return
    for place, (name, value) in zip(streamlit.columns(3), total(shown).items(), strict=True):
        place.metric(name, f"{value:,.1f}" if "%" in name else f"{value:,.2f} {currency}")
    for name, column in FIGURES.items():
        streamlit.subheader(name)
        by_hotel = shown.assign(**{column: shown[column].astype(float)})
        streamlit.line_chart(by_hotel, x="business_day", y=column, color="enterprise")


def _days_between(first: date, last: date) -> tuple[date, date]:
    """The days that somebody chose; the first alone while the second is being chosen."""
    given = streamlit.date_input("Business days", (first, last), min_value=first, max_value=last)
    days = given if isinstance(given, tuple) else (given,)
    return (days[0], days[-1]) if days else (first, last)


main()
