"""Instants as the API writes them, and a clock that can be moved."""

import pytest

from mews_assets.sandbox.clock import SECOND_US, Clock, read_micros, write_micros


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2023-03-22T12:12:00Z", "2023-03-22T12:12:00Z"),
        ("2023-03-22T12:12:00.5Z", "2023-03-22T12:12:00.500000Z"),
        ("2023-03-22T12:12:00.1234567Z", "2023-03-22T12:12:00.123456Z"),
        ("2023-03-22T12:12:00.9999999Z", "2023-03-22T12:12:00.999999Z"),
        ("2023-03-22T13:12:00+01:00", "2023-03-22T12:12:00Z"),
        ("2023-03-22T12:12:00", "2023-03-22T12:12:00Z"),
    ],
)
def test_an_instant_is_read_to_the_microsecond(text, written):
    assert write_micros(read_micros(text)) == written


@pytest.mark.parametrize("text", ["2023-03-22", "soon", "", "2023-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused(text):
    with pytest.raises(ValueError):
        read_micros(text)


def test_a_stopped_clock_stands_still_and_can_be_moved():
    clock = Clock()
    clock.set(read_micros("2024-01-01T00:00:00Z"), running=False)
    clock.advance(1.5)
    clock.advance(-0.5)
    assert clock.now_us() == read_micros("2024-01-01T00:00:00Z") + SECOND_US
    assert clock.now().isoformat() == "2024-01-01T00:00:01+00:00"
