"""One captured lake for all tests of marts: it is only read, or copied."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pyarrow as pa
import pytest

from mews_assets.lake.storage.lake import Lake
from mews_assets.marts.make import compute
from mews_assets.marts.model import Mart
from mews_assets.sandbox.records.versions import Version
from mews_assets_tests.marts import stage

RowsOf = Callable[[Mart], pa.Table]


@pytest.fixture(scope="session")
def versions() -> list[Version]:
    return stage.versions()


@pytest.fixture(scope="session")
def lake(versions: list[Version], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return stage.fill(tmp_path_factory.mktemp("marts") / "lake", versions)


@pytest.fixture(scope="session")
def rows_of(lake: Lake) -> RowsOf:
    """A mart's rows, computed once."""
    return cache(lambda mart: compute(lake, mart, stage.AS_OF))
