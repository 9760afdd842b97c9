"""The file of a report: its template filled hotel by hotel, and put into the lake whole.

Lives here: writing the file, and values as JSON in a page. The look and what happens when a hotel is chosen are in
`page.html.j2`. Not here: what is shown (`content`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from mews_assets.html_report.content import (
    FIGURE_DAYS,
    FIGURE_NAMES,
    MartFile,
    figures_of_hotel,
    sections_of_all,
    sections_of_hotel,
)
from mews_assets.html_report.model import ReportHotel, ReportInputs, WrittenReport
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets.windows import to_api

MOST_HOTELS = 100
"""Hotels with plots of their own: each is some 60 kB of the file, which a browser reads as a whole."""
_TEMPLATE = "page.html.j2"


def write_report(lake: Lake, inputs: ReportInputs) -> WrittenReport:
    """Write the report of what the marts hold now."""
    with lake.workspace() as workspace:
        made = [MartFile.of(lake, workspace, mart, inputs.now) for mart in inputs.marts]
        files = [file for file in made if file is not None]
        aside = workspace / layout.report_file()
        _fill(aside, inputs, files)
        size = aside.stat().st_size
        lake.put(aside, layout.report_file())
    missing = [mart.name for mart, file in zip(inputs.marts, made, strict=True) if file is None]
    return WrittenReport(
        lake.uri(layout.report_file()),
        size,
        len(inputs.hotels),
        max(0, len(inputs.hotels) - MOST_HOTELS),
        len(files),
        tuple(missing),
    )


def _fill(target: Path, inputs: ReportInputs, files: Sequence[MartFile]) -> None:
    """Write the page piece by piece: only one hotel's part of it is in memory."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    shown = inputs.hotels[:MOST_HOTELS]
    left_out = len(inputs.hotels) - len(shown)
    given = {
        "plotly": Markup(get_plotlyjs()),  # noqa: S704 - the package's own script
        "made_at": to_api(inputs.now.replace(microsecond=0)),
        "hotels": shown,
        "left_out": left_out,
        "most": MOST_HOTELS,
        "missing": [
            mart.name for mart in inputs.marts if mart.name not in {file.mart.name for file in files}
        ],
        "note": inputs.note,
        "overview": _json(_overview(inputs, files)),
        "blocks": _blocks(shown, files),
    }
    with target.open("w", encoding="utf-8") as page:
        page.writelines(pages.get_template(_TEMPLATE).generate(given))


def _overview(inputs: ReportInputs, files: Sequence[MartFile]) -> dict[str, Any]:
    """What the page shows of several hotels at once."""
    shown = inputs.hotels[:MOST_HOTELS]
    hotels = [
        {
            "key": hotel.key,
            "name": hotel.name,
            "scopes": hotel.scopes,
            "figures": figures_of_hotel(files, hotel.id),
        }
        for hotel in shown
    ]
    return {
        "hotels": hotels,
        "figureNames": FIGURE_NAMES,
        "figureDays": FIGURE_DAYS,
        "sections": [section.as_json() for section in sections_of_all(files)],
        "freshness": [
            [line.table, line.scope, line.name, line.newest, line.late] for line in inputs.freshness
        ],
        "checks": [
            {
                "asset": line.asset,
                "check": line.check,
                "passed": line.passed,
                "isError": line.is_error,
                "at": to_api(line.at.replace(microsecond=0)),
                "text": line.text,
                "failing": line.failing,
            }
            for line in inputs.checks
        ],
        "summaries": {mart.name: mart.summary for mart in inputs.marts},
        "martsUrl": inputs.marts_url,
    }


def _blocks(hotels: Sequence[ReportHotel], files: Sequence[MartFile]) -> Iterator[Markup]:
    for hotel in hotels:
        yield _json([section.as_json() for section in sections_of_hotel(files, hotel.id)])


def _json(value: Any) -> Markup:
    """As JSON in a script element, which a `<` of a name could otherwise end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # U+2028 is the end of a line in old scripts; surrogates cannot be written as UTF-8.
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").encode("utf-8", "backslashreplace")
    return Markup(safe.decode())  # noqa: S704 - no character in it opens a tag
