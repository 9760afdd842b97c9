"""The examples that read a lake: the notebook and the page, over marts of simulated hotels."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

from mews_assets.lake.storage.lake import Lake
from mews_assets.marts.make import make
from mews_assets.marts.stays.daily_performance import DAILY_PERFORMANCE
from mews_assets_tests import ROOT
from mews_assets_tests.marts import stage

pytestmark = pytest.mark.services

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three hotels of forty days, with the mart that the examples read."""
    made = stage.fill(tmp_path_factory.mktemp("examples") / "lake", stage.versions())
    make(made, DAILY_PERFORMANCE, stage.AS_OF)
    return made


@pytest.fixture
def place(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> str:
    location = str(lake.path("")).rstrip("/")
    monkeypatch.setenv("MEWS_LAKE", location)
    return location


def test_every_cell_of_the_notebook_runs_and_no_output_is_kept_in_the_repository(
    place: str, tmp_path: Path
) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    notebook = nbformat.read(EXAMPLES / "notebook" / "first_look.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [set(output.get("data", {})) for cell in code for output in cell.outputs]
    assert sum("text/html" in one for one in kinds) == 3, "two tables by pandas, one by DuckDB"
    assert sum("image/png" in one for one in kinds) == 1


def test_the_page_shows_the_figures_of_the_hotels_and_days_that_are_chosen(place: str) -> None:
    testing = pytest.importorskip("streamlit.testing.v1")
    page = testing.AppTest.from_file(str(EXAMPLES / "streamlit" / "page.py"), default_timeout=60).run()
    assert not page.exception
    days = pandas.read_parquet(f"{place}/marts/daily_performance/rows.parquet")
    days = days[days["is_complete"] & (days["currency"] == page.selectbox[0].value)]

    def expected(chosen: pandas.DataFrame) -> str:
        return f"{100 * chosen['rooms_sold'].sum() / chosen['rooms_available'].sum():,.1f}"

    assert page.metric[0].value == expected(days)
    hotel = sorted(days["enterprise"].unique())[0]
    page.multiselect[0].set_value([hotel]).run()
    assert page.metric[0].value == expected(days[days["enterprise"] == hotel])
    first = days["business_day"].min()
    page.date_input[0].set_value((first, first)).run()
    one_day = days[(days["enterprise"] == hotel) & (days["business_day"] == first)]
    assert page.metric[0].value == expected(one_day) and not page.exception
    page.multiselect[0].set_value([]).run()
    assert "No complete day" in page.info[0].value
