"""Backoff and Retry-After as pure functions, and every status has its reaction."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mews_assets.api.transport.retry import (
    BACKOFF_CAP_SECONDS,
    Reaction,
    backoff_seconds,
    reaction_to,
    retry_after_seconds,
    wait_seconds,
)
from mews_assets_tests.api.stage import NOW


@given(tries=st.integers(1, 60), chance=st.floats(0, 1, exclude_max=True))
def test_jitter_stays_between_nothing_and_the_bound(tries: int, chance: float) -> None:
    assert 0 <= backoff_seconds(tries, lambda: chance) <= min(BACKOFF_CAP_SECONDS, 2.0 ** (tries - 1))


@given(asked=st.floats(0, 120), chance=st.floats(0, 1, exclude_max=True))
def test_nobody_comes_back_before_retry_after(asked: float, chance: float) -> None:
    assert asked <= wait_seconds(3, asked, lambda: chance) <= asked + 1


@given(status=st.integers(200, 599))
def test_every_status_has_its_reaction(status: int) -> None:
    expected = Reaction.PERMANENT
    if status < 300:
        expected = Reaction.READ
    elif status in (408, 413):
        expected = Reaction.TOO_LARGE
    elif status == 429 or status >= 500:
        expected = Reaction.TRANSIENT
    assert reaction_to(status) is expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 30 ", 30.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("-1", None),
        ("1.5", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(httpx.Headers({"Retry-After": value}), NOW) == seconds


def test_a_missing_retry_after_is_none() -> None:
    assert retry_after_seconds(httpx.Headers(), NOW) is None
