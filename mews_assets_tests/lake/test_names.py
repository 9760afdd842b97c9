"""A name is a literal: whatever the folders above a lake are called, it is the same lake."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from mews_assets.lake.changes.merge import merge
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.current.update import update_current
from mews_assets.lake.reading.sql_views import query, write_catalog
from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain
from mews_assets_tests.lake.bucket import Bucket, bucket_lake
from mews_assets_tests.lake.made import NORTH, ORDER_ITEMS, at, days, item, json_line, land, write_file
from mews_assets_tests.lake.named import NAMES, WORST, tour

pytestmark = pytest.mark.slow

EVERY = {**NAMES, WORST: "a1"}
TOURED = ("a[1]", "a?b", "a,b", "a\\b", "id=7", "scope=berlin", "_landing_id=x/enterprise_id=y", WORST)
CURRENT = "SELECT id, scope FROM current.order_items ORDER BY ALL"
ASKS = (
    'SELECT id, updated_utc, scope, "window" FROM changes.order_items ORDER BY ALL',
    CURRENT,
    "SELECT id, name FROM reference.enterprises",
    "SELECT count(*) FROM changes.order_items WHERE scope = '52fd68fc-north' AND \"window\" > '2026-03-02'",
)


def lake_at(folder: Path) -> Lake:
    return open_lake(str(folder / "lake"), Grain.DAILY)


Planted = Callable[[Path, str], Lake]


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A small lake below a folder, whose rows carry a mark."""

    @cache
    def made(mark: str) -> Lake:
        lake = lake_at(tmp_path_factory.mktemp("made"))
        land(lake, ORDER_ITEMS, [item(mark, at(2)), item("both", at(3), Notes=mark)], days(2, 4))
        merge(lake, ORDER_ITEMS, threads=1)
        update_current(lake, ORDER_ITEMS, NORTH, threads=1)
        return lake

    def plant(folder: Path, mark: str) -> Lake:
        shutil.copytree(made(mark).root, folder / "lake")
        return lake_at(folder)

    return plant


@pytest.fixture(scope="session")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], dict[str, Any]]:
    """What comes of a tour under a name that means nothing."""
    return cache(lambda: tour(lake_at(tmp_path_factory.mktemp("plain")), ASKS))


@pytest.mark.slow
def test_the_tour_brings_what_the_names_are_held_against(wanted: Callable[[], dict[str, Any]]) -> None:
    found = wanted()
    assert [len(rows) for rows in found["changes"].values()] == [2, 2]
    assert found["measured"] == [(2, 0, 0), (2, 0, 0)]
    ((_, current),) = found["current"].items()
    assert [row["id"] for row in current] == ["i0", "i1", "i2", "i3"]
    assert found[ASKS[0]][0][0::2] == ("i1", NORTH) and found[ASKS[3]] == [(2,)]
    assert [(str(row["business_day"]), row["items"]) for row in found["mart"]] == [("2026-03-02", 3)]
    assert found["forgotten"][2] == {} and found["expired"] == (3, 3)
    emails = [[row["email"] for rows in found[one].values() for row in rows] for one in ("shown", "redacted")]
    assert emails == [["zoraya@planted.example", "z@planted.example"], [None, None]]


@pytest.mark.slow_after_first
@pytest.mark.parametrize("name", TOURED)
def test_a_lake_below_any_name_is_the_same_lake(
    name: str, tmp_path: Path, planted: Planted, wanted: Callable[[], dict[str, Any]]
) -> None:
    planted(tmp_path / EVERY[name], "of the neighbour")
    assert tour(lake_at(tmp_path / name), ASKS) == wanted()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a[1]", "id=7", WORST])
def test_a_lake_below_any_key_of_a_bucket_is_the_same_lake(
    name: str, wanted: Callable[[], dict[str, Any]]
) -> None:
    lake = bucket_lake(Bucket(f"data/{name}/lake"))
    lake.write_json("lake.json", {"format": 1, "window": "daily"})
    assert tour(lake) == {key: value for key, value in wanted().items() if key not in ASKS}


@pytest.mark.slow_after_first
@pytest.mark.parametrize("name", EVERY)
def test_a_query_finds_its_own_rows_whatever_the_lakes_folder_is_called(
    name: str, tmp_path: Path, planted: Planted
) -> None:
    planted(tmp_path / EVERY[name], "of the neighbour")
    with query(planted(tmp_path / name, "ours"), CURRENT) as result:
        assert result.fetchall() == [("both", NORTH), ("ours", NORTH)]


@pytest.mark.slow_after_first
@pytest.mark.parametrize(
    "name", [name for name in EVERY if "\\" not in name]
)  # which DuckDB opens no database below
def test_the_catalog_file_is_read_from_the_lakes_folder_whatever_its_name(
    name: str, tmp_path: Path, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(tmp_path / EVERY[name], "of the neighbour")
    lake = planted(tmp_path / name, "ours")
    write_catalog(lake)
    monkeypatch.chdir(lake.root)
    with duckdb.connect("lake.duckdb", read_only=True) as connection:
        assert connection.sql(CURRENT).fetchall() == [("both", NORTH), ("ours", NORTH)]


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        *((name, ".jsonl") for name in EVERY),
        *((one, end) for one in ("a?b", WORST) for end in (".jsonl.gz", ".jsonl.zst")),
    ],
)
def test_a_file_of_any_name_is_converted_and_no_other(name: str, ending: str, tmp_path: Path) -> None:
    own, other = Path(name).name, Path(EVERY[name]).name
    for folder in (EVERY[name], name):
        (tmp_path / folder).mkdir(parents=True)
        for file in (own, other):
            is_asked = (folder, file) == (name, own)
            record = item("ours" if is_asked else "of the neighbour", at(2))
            write_file(tmp_path / folder / f"{file}{ending}", json_line(record))
    target = tmp_path / name / f"{own}.parquet"
    convert(ORDER_ITEMS, [tmp_path / name / f"{own}{ending}"], target, threads=1)
    with target.open("rb") as source:
        (row,) = pq.read_table(source).to_pylist()
    assert (row["id"], row["enterprise_id"]) == ("ours", NORTH)
    assert len(list((tmp_path / name).iterdir())) == 3, "nothing is left beside"


@pytest.mark.slow
def test_a_query_asks_its_own_lake_from_within_another_ones_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB looks for `reference/enterprises/rows.parquet` in the folder it runs in first."""
    asked, other = lake_at(tmp_path / "asked"), lake_at(tmp_path / "other")
    tour(asked)
    shutil.copytree(asked.root, other.root, dirs_exist_ok=True)
    (Path(other.root) / "reference/enterprises/rows.parquet").write_bytes(b"another's")
    monkeypatch.chdir(other.root)
    with query(asked, "SELECT name FROM reference.enterprises") as result:
        assert result.fetchall() == [("North",)]
    write_catalog(asked)
    with duckdb.connect(f"{asked.root}/lake.duckdb", read_only=True) as connection:
        connection.execute(f"SET file_search_path = '{asked.root}'")
        assert connection.sql("SELECT name FROM reference.enterprises").fetchall() == [("North",)]
