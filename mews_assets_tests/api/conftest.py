"""Fixtures of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mews_assets_tests.api.file_server import ONE, TWO, Storage, serving


@pytest.fixture
def storage() -> Iterator[Storage]:
    """A storage service with two files."""
    with serving(Storage({"one": ONE, "two": TWO})) as running:
        yield running
