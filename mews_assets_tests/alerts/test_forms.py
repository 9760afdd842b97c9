"""The forms of Slack and Teams: what their addresses receive over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import apprise.plugins.slack
import pytest
import requests

from mews_assets.alerts.delivery import deliver, targets_of
from mews_assets.alerts.forms import markdown
from mews_assets.alerts.outbox import Message, Tone
from mews_assets_tests.alerts.receivers import Webhook, running_webhook

LINES = (
    "Cause: HTTP 401 <Unauthorized> of [order_items] & more",
    "- The Lantern * Prague, 2025-03-10: rows 12",
    "Next: *Backfill -> Re-execute from failure*",
    "Run: https://dagster.example.com/runs/5f0c_1(a)",
    "Table: https://dagster.example.com/assets/changes/order_items?view=checks",
    "Incident: 4f1c",
)
MESSAGE = Message(
    "a", Tone.FAILURE, "FAILED order_items: a run failed", "\n".join(LINES), datetime(2025, 3, 10, tzinfo=UTC)
)
RUN, TABLE = (
    "https://dagster.example.com/runs/5f0c_1%28a%29",
    "https://dagster.example.com/assets/changes/order_items?view=checks",
)


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """Receives what Slack and Teams would: their addresses lead to it, without TLS."""
    with running_webhook() as webhook:
        here, post = f"http://127.0.0.1:{webhook.port}", requests.post

        def post_here(url: str, **more: Any) -> requests.Response:
            return post(url.replace("https://", "http://"), **more)

        monkeypatch.setattr(apprise.plugins.slack.NotifySlack, "webhook_url", here)
        monkeypatch.setattr(requests, "post", post_here)
        yield webhook


def send_to_slack(message: Message) -> None:
    deliver(*targets_of("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7/#data"), message)


def send_to_teams(webhook: Webhook, message: Message) -> dict[str, Any]:
    deliver(*targets_of(f"workflows://127.0.0.1:{webhook.port}/workflow/signature"), message)
    (attachment,) = webhook.received[-1]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    content: dict[str, Any] = attachment["content"]
    return content


def test_slack_gets_blocks_with_a_header_lines_and_links(webhook: Webhook) -> None:
    send_to_slack(MESSAGE)
    (attachment,) = webhook.received[0]["attachments"]
    header, section, *_ = attachment["blocks"]
    assert (header["type"], header["text"]["text"]) == ("header", MESSAGE.title)
    assert section["text"]["type"] == "mrkdwn"
    assert section["text"]["text"].split("\n") == [
        "Cause: HTTP 401 &lt;Unauthorized&gt; of [order_items] &amp; more",
        "- The Lantern * Prague, 2025-03-10: rows 12",
        "Next: _Backfill -&gt; Re-execute from failure_",
        f"<{RUN}|Run>",
        f"<{TABLE}|Table>",
        "Incident: 4f1c",
    ]


def test_a_text_that_is_too_long_for_one_block_of_slack_comes_as_several_messages(webhook: Webhook) -> None:
    lines = [f"- hotel {number} has failed" for number in range(300)]
    send_to_slack(Message("a", Tone.WARNING, "W" * 200, "\n".join(lines), MESSAGE.made_at))
    blocks = [block for got in webhook.received for block in got["attachments"][0]["blocks"]]
    texts = [block["text"]["text"] for block in blocks if block["type"] == "section"]
    assert len(texts) > 1
    assert all(len(text) <= 3000 for text in texts)
    assert all(len(block["text"]["text"]) <= 150 for block in blocks if block["type"] == "header")
    assert all(any(line in text for text in texts) for line in lines)


def test_teams_gets_a_card_whose_lines_are_paragraphs_and_whose_links_are_whole(webhook: Webhook) -> None:
    content = send_to_teams(webhook, MESSAGE)
    assert content["type"] == "AdaptiveCard"
    texts = {block["id"]: block["text"] for block in content["body"] if block["type"] == "TextBlock"}
    assert texts["title"] == MESSAGE.title
    assert texts["body"].split("\n\n") == [
        r"Cause: HTTP 401 \<Unauthorized\> of \[order_items\] & more",
        "- The Lantern * Prague, 2025-03-10: rows 12",
        r"Next: *Backfill -\> Re-execute from failure*",
        f"[Run]({RUN})",
        f"[Table]({TABLE})",
        "Incident: 4f1c",
    ]


def test_a_message_of_usual_length_is_one_card(webhook: Webhook) -> None:
    body = "\n".join(f"- hotel {number}: " + "x" * 80 for number in range(30))
    send_to_teams(webhook, Message("a", Tone.WARNING, "many", body, MESSAGE.made_at))
    assert len(webhook.received) == 1


def test_an_address_in_the_middle_of_a_line_is_a_link() -> None:
    assert markdown("see https://a.example/b_c now", "\n") == "see [link](https://a.example/b_c) now"
