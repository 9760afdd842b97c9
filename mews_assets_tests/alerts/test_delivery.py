"""Delivery over real HTTP and SMTP, and that no address is ever seen."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from mews_assets.alerts.delivery import REPEATED, DeliveryError, Target, deliver, targets_of
from mews_assets.alerts.outbox import Message, Tone
from mews_assets_tests.alerts.receivers import running_mailbox, running_webhook

MESSAGE = Message(
    "abc-opened", Tone.FAILURE, "FAILED payments", "12 of <them>\nRun: x", datetime(2025, 3, 10, tzinfo=UTC)
)
SECRET = "zq7-password-that-nobody-may-see"


def test_a_webhook_gets_title_text_and_how_urgent_it_is() -> None:
    with running_webhook() as webhook:
        deliver(*targets_of(webhook.url), MESSAGE)
        (got,) = webhook.received
    assert (got["title"], got["message"], got["type"]) == (MESSAGE.title, MESSAGE.body, "failure")


@pytest.mark.parametrize("tone", list(Tone))
def test_apprise_knows_every_tone(tone: Tone) -> None:
    with running_webhook() as webhook:
        deliver(*targets_of(webhook.url), Message("a", tone, "t", "b", MESSAGE.made_at))
        assert [one["type"] for one in webhook.received] == [tone.value]


def test_a_mail_server_gets_a_mail() -> None:
    with running_mailbox() as mailbox:
        deliver(*targets_of(mailbox.url), MESSAGE)
        (mail,) = mailbox.mails
        assert mail["Subject"] == MESSAGE.title
        assert "on-call@example.com" in mail["To"]
        assert mailbox.texts[0].split("\n")[:2] == ["12 of <them>\r", "Run: x\r"]


def test_a_repeat_says_that_it_may_be_one() -> None:
    with running_webhook() as webhook:
        deliver(*targets_of(webhook.url), MESSAGE, repeated=True)
        assert webhook.received[0]["message"].endswith(REPEATED)


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("", []),
        (" , \n", []),
        ("slack://a/b/c", ["1:slack"]),
        ("slack://a/b/c json://h/x", ["1:slack", "2:json"]),
        ("slack://a/b/c,\n mailto://u:p@h?to=x@y.z,v@w.z , json://h", ["1:slack", "2:mailto", "3:json"]),
        ("Jsons://h", ["1:jsons"]),
        (SECRET, ["1:?"]),
    ],
)
def test_addresses_are_told_apart_and_named_without_themselves(setting: str, names: list[str]) -> None:
    targets = targets_of(setting)
    assert [one.name for one in targets] == names
    assert SECRET not in repr(targets)


def test_a_comma_inside_an_address_is_its_own() -> None:
    assert targets_of("mailto://h?to=a@b.c,d@e.f")[0].url == "mailto://h?to=a@b.c,d@e.f"


@pytest.mark.parametrize(
    "url",
    [
        f"json://user:{SECRET}@127.0.0.1:9/{SECRET}",  # nobody listens there
        f"mailto://user:{SECRET}@127.0.0.1:9/?mode=insecure&from=a@b.c&to=d@e.f",
        f"slack://{SECRET}",
        f"nosuch://{SECRET}",
        SECRET,
    ],
)
def test_no_address_is_in_an_error_or_in_what_is_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError, match="target 1:") as caught:
        deliver(*targets_of(url), MESSAGE)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert SECRET not in caplog.text


def test_a_target_that_refuses_is_an_error_and_the_logs_stay_silent_about_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running_webhook() as webhook:
        webhook.status = 500
        target = Target("1:json", webhook.url)
        with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError, match="not accepted"):
            deliver(target, MESSAGE)
        webhook.status = 200
        with caplog.at_level(logging.DEBUG):
            deliver(target, MESSAGE)
    assert "nobody-may-see" not in caplog.text


def test_a_target_that_never_answers_is_left_after_a_few_seconds() -> None:
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=0.2"
        began = time.monotonic()
        with pytest.raises(DeliveryError):
            deliver(*targets_of(url), MESSAGE)
        assert time.monotonic() - began < 5
