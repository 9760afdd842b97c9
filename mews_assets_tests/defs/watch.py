"""A stage whose alerts go to a webhook that counts what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mews_assets.alerts.delivery import targets_of
from mews_assets.defs.alerts import sensor
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.alerts.receivers import Webhook, running_webhook
from mews_assets_tests.defs.judging import PAYMENTS
from mews_assets_tests.defs.stage import Stage, stage_of

UI = "https://dagster.example.com"
MARK = "nobody-may-see"


@dataclass
class Watch:
    """A stage whose alerts go to a webhook; time passes as the test says."""

    stage: Stage
    webhook: Webhook
    passed: timedelta = timedelta()
    errors: list[str] = field(default_factory=list)

    def tick(self, urls: str = "") -> str:
        return sensor.Tick(
            self.stage.instance,
            self.stage.lake,
            self.stage.settings,
            targets_of(urls or self.webhook.url),
            self.errors.append,
            lambda: datetime.now(UTC) + self.passed,
        ).run()

    def titles(self) -> list[str]:
        """What has arrived since this was asked last."""
        found = self.webhook.titles
        self.webhook.received.clear()
        return found


@contextmanager
def watching(
    of_kind: AbstractContextManager[dg.DagsterInstance],
    mews: RunningSandbox,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Watch]:
    with of_kind as instance, running_webhook() as webhook:
        stage = stage_of(mews, instance, folder, monkeypatch, MEWS_UI_URL=UI, MEWS_ALERT_URLS=webhook.url)
        yield Watch(stage, webhook)


def by_hand(watch: Watch, check: str, *, passed: bool) -> None:
    """A verdict that no run gives."""
    verdict = dg.AssetCheckEvaluation(asset_key=PAYMENTS, check_name=check, passed=passed)
    watch.stage.instance.report_runless_asset_event(verdict)
