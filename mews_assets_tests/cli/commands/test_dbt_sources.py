"""The command `dbt-sources`: the file it writes, and when a table of it is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mews_assets.catalog import tables
from mews_assets.cli import main
from mews_assets.marts import MARTS
from mews_assets.table_settings import STANDARD_REFERENCES

pytestmark = pytest.mark.usefixtures("elsewhere")


def written(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "mews_sources.yml").read_text()))


def hours(document: dict[str, Any]) -> dict[str, int]:
    return {
        table["name"]: table["config"]["freshness"]["warn_after"]["count"]
        for source in document["sources"]
        for table in source["tables"]
        if "freshness" in table["config"]
    }


def test_sources_name_the_lake_that_is_set_and_the_environment_can_name_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEWS_LAKE", str(tmp_path / "lake"))
    assert main(["dbt-sources", str(tmp_path / "models")]) == 0
    count = len(tables()) + len(STANDARD_REFERENCES) + len(MARTS)
    assert f"{count} tables in 3 sources" in capsys.readouterr().out
    place = written(tmp_path / "models")["sources"][0]["config"]["external_location"]
    assert f"env_var('MEWS_LAKE', '{tmp_path / 'lake'}')" in place and "hive_partitioning = false" in place


@pytest.mark.slow
def test_a_table_is_stale_a_window_and_the_allowed_lag_after_its_newest_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["dbt-sources", str(tmp_path)]) == 0
    found = hours(written(tmp_path))
    assert (found["payments"], found["ledger_entries"], found["services"]) == (30, 30, 48)
    monkeypatch.setenv("MEWS_ALLOWED_LAG_HOURS", "2")
    monkeypatch.setenv("MEWS_WINDOW", "hourly")
    monkeypatch.setenv("MEWS_TABLES", "payments")
    assert main(["dbt-sources", str(tmp_path)]) == 0
    assert hours(written(tmp_path))["payments"] == 3


def test_a_lake_that_dbt_cannot_be_given_is_refused_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEWS_LAKE", str(tmp_path / "a[1]"))
    assert main(["dbt-sources", str(tmp_path / "models")]) == 1
    assert "cannot be named to DuckDB" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_a_warehouse_has_one_source_of_the_schema(tmp_path: Path) -> None:
    assert main(["dbt-sources", str(tmp_path), "--schema", "raw"]) == 0
    (source,) = written(tmp_path)["sources"]
    assert source["schema"] == "raw"
