"""The report as a file: whole without a network, every hotel in it, and nothing that a name could break."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.html_report import page
from mews_assets.html_report.content import FIGURE_NAMES, figure_cells, key_figures
from mews_assets.html_report.model import (
    CheckLine,
    FreshnessLine,
    ReportHotel,
    ReportInputs,
    WrittenReport,
)
from mews_assets.html_report.page import write_report
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.marts import DAILY_PERFORMANCE, MARTS, OCCUPANCY_AND_PICKUP
from mews_assets.marts.make import AS_OF
from mews_assets.marts.model import Mart
from mews_assets.windows import Grain

MADE = (DAILY_PERFORMANCE, OCCUPANCY_AND_PICKUP)
IDS = ("11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002")
COUNTS = [
    column.name
    for column in OCCUPANCY_AND_PICKUP.columns
    if column.type == pa.int64() and column.name != "days_ahead"
]
NOW = datetime(2026, 4, 10, 9, 30, tzinfo=UTC)
NASTY = "</script><script>alert(1)</script><b>\ud800\u2028"
CHAIN = "chain-1"


@dataclass(frozen=True)
class Read:
    """A report as a browser takes it apart."""

    text: str
    overview: dict[str, Any]
    blocks: list[list[dict[str, Any]]]
    external: list[str]
    """Addresses that a browser would fetch."""


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[str, str]] = []
        self.external: list[str] = []
        self._script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.external += [str(given[name]) for name in ("src", "href") if name in given]
        self._script = (given.get("id") or "code") if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts.append((self._script, data))

    def handle_endtag(self, tag: str) -> None:
        self._script = None


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake with the files of two marts of two hotels."""
    lake = open_lake(str(tmp_path_factory.mktemp("report") / "lake"), Grain.DAILY)
    days = [date(2026, 4, 9) - timedelta(days=number) for number in range(60)]
    common = [{"enterprise_id": id, "enterprise": f"Hotel {number}"} for number, id in enumerate(IDS)]
    performance = [
        {
            **hotel,
            "business_day": day,
            "is_complete": True,
            "currency": "EUR",
            "rooms_available": 10,
            "rooms_sold": 7,
            "rooms_revenue": Decimal(700),
            "total_revenue": Decimal(800),
        }
        for hotel in common
        for day in days
    ]
    books = [
        {
            **hotel,
            "service_id": "s",
            "service": "Stay",
            "stay_date": date(2026, 4, 10) + timedelta(days=number),
            "days_ahead": number,
            **dict.fromkeys(COUNTS, 3),
        }
        for hotel in common
        for number in range(5)
    ]
    put(lake, DAILY_PERFORMANCE, performance)
    put(lake, OCCUPANCY_AND_PICKUP, books)
    return lake


def put(lake: Lake, mart: Mart, rows: list[dict[str, Any]]) -> None:
    """A mart's file as `make` writes it."""
    with lake.workspace() as workspace:
        aside = workspace / layout.ROWS_FILE
        with pq.ParquetWriter(aside, mart.schema.remove_metadata()) as writer:
            writer.write_table(pa.Table.from_pylist(rows, mart.schema))
            writer.add_key_value_metadata({AS_OF: "2026-04-10T00:00:00Z"})
        lake.put(aside, layout.mart_file(mart.name))


def hotels_of() -> tuple[ReportHotel, ...]:
    return tuple(
        ReportHotel(id, f"hotel-{number}", f"Hotel {number}", (id, CHAIN)) for number, id in enumerate(IDS)
    )


def inputs_of() -> ReportInputs:
    hotels = hotels_of()
    return ReportInputs(
        MARTS,
        hotels,
        (FreshnessLine("payments", hotels[0].id, "Hotel 0", "2026-04-08", "5 h 0 min"),),
        (
            CheckLine(
                "changes/payments", "key_unique", False, True, NOW, "1 fails", {hotels[0].id: ["2026-04-08"]}
            ),
        ),
        datetime(2026, 4, 10, 10, tzinfo=UTC),
    )


def read(lake: Lake) -> Read:
    text = lake.read(layout.report_file()).decode("utf-8")
    parser = _Parser()
    parser.feed(text)
    found = dict(parser.scripts)
    blocks = [json.loads(found[name]) for name in found if name.startswith("block-")]
    return Read(text, json.loads(found["overview"]), blocks, parser.external)


@pytest.fixture(scope="module")
def written(lake: Lake) -> tuple[WrittenReport, Read]:
    made = write_report(lake, inputs_of())
    return made, read(lake)


def test_the_file_needs_nothing_from_elsewhere(written: tuple[WrittenReport, Read]) -> None:
    _, found = written
    assert found.external == []
    assert not re.search(r"@import|url\(", found.text.split("</style>")[0])


def test_every_hotel_has_its_figures_plots_and_rows(written: tuple[WrittenReport, Read]) -> None:
    made, found = written
    assert (made.hotels, made.marts, made.hotels_left_out) == (2, 2, 0)
    assert made.size_bytes == Path(made.uri).stat().st_size
    assert [hotel["name"] for hotel in found.overview["hotels"]] == ["Hotel 0", "Hotel 1"]
    for hotel, block in zip(found.overview["hotels"], found.blocks, strict=True):
        days, occupancy, *_ = hotel["figures"]
        assert days == "13 Mar to 09 Apr, 28 days"
        assert occupancy.startswith("70.0 %")
        assert len(hotel["figures"]) == len(FIGURE_NAMES)
        assert [section["mart"] for section in block] == [mart.name for mart in MADE]
        performance, *_ = block
        assert performance["subtitle"].endswith("as of 2026-04-10 00:00 UTC")
        assert performance["figures"][0]["data"][0]["y"]
        assert len(performance["rows"]["cells"]) == 15
        names = set(performance["rows"]["names"])
        assert "business_day" in names
        assert not {name for name in names if name.endswith("_id")}
    assert len(found.overview["sections"][0]["figures"]) == 2, "a panel of each hotel, for all of them"


def test_marts_that_are_not_made_yet_are_named(written: tuple[WrittenReport, Read]) -> None:
    made, found = written
    assert set(made.marts_missing) == {mart.name for mart in MARTS} - {mart.name for mart in MADE}
    assert "Not made yet: daily_performance_by_dimension, daily_revenue" in found.text


def test_freshness_and_checks_are_there_by_hotel(written: tuple[WrittenReport, Read]) -> None:
    _, found = written
    (hotel, _) = hotels_of()
    assert found.overview["freshness"] == [["payments", hotel.id, "Hotel 0", "2026-04-08", "5 h 0 min"]]
    (check,) = found.overview["checks"]
    assert (check["asset"], check["passed"], check["failing"]) == (
        "changes/payments",
        False,
        {hotel.id: ["2026-04-08"]},
    )
    assert found.overview["hotels"][0]["scopes"] == [hotel.id, CHAIN]


def test_a_name_cannot_break_the_page(lake: Lake) -> None:
    inputs = inputs_of()
    named = tuple(replace(hotel, name=NASTY.replace("\ud800", "")) for hotel in inputs.hotels)
    checks = (replace(inputs.checks[0], text=NASTY),)
    write_report(lake, replace(inputs, hotels=named, checks=checks))
    found = read(lake)
    assert found.overview["hotels"][0]["name"] == NASTY.replace("\ud800", "")
    assert found.overview["checks"][0]["text"] == NASTY
    assert "<script>alert" not in found.text


def test_more_hotels_than_a_browser_reads_are_counted(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_HOTELS", 1)
    made = write_report(lake, inputs_of())
    found = read(lake)
    assert (made.hotels, made.hotels_left_out, len(found.blocks)) == (2, 1, 1)
    assert "The 1 hotels after the first 1 are in the marts only." in found.text


def test_a_change_is_shown_only_between_periods_of_the_same_length() -> None:
    def rows(days: int, sold: int) -> pa.Table:
        first = date(2026, 4, 9) - timedelta(days=days - 1)
        return pa.table(
            {
                "business_day": [first + timedelta(days=number) for number in range(days)],
                "is_complete": [True] * days,
                "currency": ["EUR"] * days,
                "rooms_available": [10] * days,
                "rooms_sold": [sold if number >= days - 28 else 4 for number in range(days)],
                "rooms_revenue": [Decimal(100 * sold)] * days,
                "total_revenue": [Decimal(100 * sold)] * days,
            }
        )

    whole = figure_cells(*key_figures(rows(56, 5)))
    assert whole[:3] == ["13 Mar to 09 Apr, 28 days", "50.0 % (+10.0 points)", "EUR 100.00 (-20.0 %)"]
    assert figure_cells(*key_figures(rows(55, 5)))[1] == "50.0 %"
    assert figure_cells(*key_figures(rows(3, 5)))[0] == "07 Apr to 09 Apr, 3 days"
    assert figure_cells(*key_figures(rows(0, 5)))[0] == "no complete day yet"
