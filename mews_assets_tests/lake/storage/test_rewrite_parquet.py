"""A file written again with changed values, while another run replaces or removes it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mews_assets.lake.errors import LostRaceError
from mews_assets.lake.storage.lake import Lake
from mews_assets.lake.storage.rewrite_parquet import rewrite
from mews_assets_tests.lake.bucket import bucket_lake

NAME = "changes/x/rows.parquet"


@pytest.fixture(params=["here", "bucket"])
def any_lake(request: pytest.FixtureRequest, lake: Lake) -> Lake:
    return lake if request.param == "here" else bucket_lake()


def put(lake: Lake, names: list[str]) -> None:
    with lake.workspace() as workspace:
        pq.write_table(pa.table({"name": names}), workspace / "rows.parquet")
        lake.put(workspace / "rows.parquet", NAME)


def masked(batch: pa.RecordBatch) -> pa.RecordBatch:
    names = [None if name == "Anna" else name for name in batch.column("name").to_pylist()]
    return pa.RecordBatch.from_arrays([pa.array(names, pa.string())], ["name"])


def names_in(lake: Lake) -> list[str | None]:
    with lake.open_input_file(NAME) as source:
        found: list[str | None] = pq.read_table(source, partitioning=None).column("name").to_pylist()
    return found


def test_a_file_that_another_run_replaces_meanwhile_is_changed_as_it_is_then(
    any_lake: Lake, tmp_path: Path
) -> None:
    put(any_lake, ["Anna"])
    others = [["Anna", "Petra"]]

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        if others:
            put(any_lake, others.pop())
        return masked(batch)

    assert rewrite(any_lake, NAME, change, tmp_path) == 1
    assert names_in(any_lake) == [None, "Petra"]


def test_a_file_that_another_run_removes_meanwhile_does_not_come_back(any_lake: Lake, tmp_path: Path) -> None:
    put(any_lake, ["Anna"])

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        any_lake.delete(NAME)
        return masked(batch)

    assert rewrite(any_lake, NAME, change, tmp_path) == 0
    assert not any_lake.exists(NAME)


def test_a_file_that_others_replace_every_time_is_an_error_that_can_be_retried(
    any_lake: Lake, tmp_path: Path
) -> None:
    put(any_lake, ["Anna"])
    count = iter(range(100))

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        put(any_lake, ["Anna", *map(str, range(next(count)))])
        return masked(batch)

    with pytest.raises(LostRaceError) as raised:
        rewrite(any_lake, NAME, change, tmp_path)
    assert raised.value.retryable
    assert "Anna" in names_in(any_lake)
