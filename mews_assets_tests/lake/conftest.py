"""Lakes to try things in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mews_assets.lake.storage.lake import Lake, open_lake
from mews_assets.windows import Grain


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake of daily windows."""
    return open_lake(str(tmp_path / "lake"), Grain.DAILY)
