"""The request limit: per access token, in a sliding window of real time."""

import pytest

from mews_assets.sandbox.running import ServerLimits, running_sandbox
from mews_assets.sandbox.server.access_control import RequestLimit
from mews_assets.sandbox.server.request_rules import Refusal
from mews_assets_tests.sandbox.made import Client, hotels


def test_the_window_slides():
    now = 0.0
    limit = RequestLimit(2, 30.0, clock=lambda: now)
    limit.take("a")
    now = 20.0
    limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert (refused.value.status, refused.value.retry_after) == (429, 10)
    now = 30.0
    limit.take("a")
    with pytest.raises(Refusal) as refused:
        limit.take("a")
    assert refused.value.retry_after == 20


def test_too_many_requests_are_429_and_say_when_to_come_back():
    with running_sandbox(hotels(), limits=ServerLimits(requests=3)) as sandbox:
        client = Client(sandbox)
        answers = [client.post("enterprises/getAll", Limitation={"Count": 1}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 30
        other = Client(sandbox, sandbox.hotel_tokens[0])
        assert other.post("enterprises/getAll", Limitation={"Count": 1}).status_code == 200
