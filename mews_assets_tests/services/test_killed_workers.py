"""A Celery worker killed by SIGKILL: its run is failed, its pool slot free, and its partitions are made by another."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

pytest.importorskip("moto")
pytest.importorskip("dagster_celery")
from mews_assets.defs.production.health import check_daemon, check_worker
from mews_assets.ingest.pending_exports import FIRST_BACKOFF
from mews_assets.sandbox.running import Simulated, running_sandbox
from mews_assets_tests.defs.daemon import running_daemon
from mews_assets_tests.services.celery_workers import deployment
from mews_assets_tests.services.s3 import S3Server, running_s3

pytestmark = pytest.mark.services

DAYS = 2
POOL = "mews_export_payments"


class HeldPut:
    """The first PUT of a partition, held up until it is let go: the run that sends it is in the middle of its work."""

    def __init__(self, server: S3Server) -> None:
        self.arrived, self._go, self._first = threading.Event(), threading.Event(), threading.Lock()
        server.before = self._before

    def _before(self, kind: str, key: str) -> None:
        if kind == "PUT" and "changes/payments" in key and self._first.acquire(blocking=False):
            self.arrived.set()
            self._go.wait(300)

    def let_go(self) -> None:
        self._go.set()


def is_claimed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run holds a slot of its pool."""
    slots = instance.event_log_storage.get_concurrency_info(POOL).claimed_slots
    return any(slot.run_id == run.run_id for slot in slots)


def assert_output_is_seen(instance: dg.DagsterInstance) -> None:
    """The output of a run on a worker, which has its own folders, is read by the web server's instance."""
    (run, *_) = instance.get_runs(
        dg.RunsFilter(job_name="payments", statuses=[dg.DagsterRunStatus.SUCCESS]), limit=1
    )
    captured = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
    (event, *_) = [entry.get_dagster_event().logs_captured_data for entry in captured]
    log_key = [run.run_id, "compute_logs", event.file_key]
    output = instance.compute_log_manager.get_log_data(log_key)
    assert b"payments" in (output.stderr or b"") + (output.stdout or b"")


def test_a_killed_workers_run_is_failed_and_its_partitions_are_made_by_another(tmp_path: Path) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    start = today - timedelta(days=DAYS)
    with (
        running_s3() as server,
        running_sandbox(
            Simulated(hotels=2, days=DAYS + 2), now=today + timedelta(hours=12), export_seconds=1
        ) as mews,
        deployment(
            mews,
            server,
            tmp_path,
            MEWS_START_DATE=f"{start:%Y-%m-%d}",
            MEWS_TABLES="payments",
            MEWS_AUTOMATION="on",
            MEWS_POLL_SECONDS="5",
        ) as deployed,
        deployed.worker("first") as first,
        running_daemon(deployed.home),
    ):
        home, held = deployed.home, HeldPut(server)
        instance = home.instance
        home.wait(lambda: "arrived" if held.arrived.is_set() else None, 120, "a run to put a partition")
        (victim,) = [
            run
            for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            if run.job_name == "payments"
        ]
        assert is_claimed(instance, victim)
        assert check_daemon(time.time()).healthy
        assert check_worker().healthy
        first.kill()
        killed = time.monotonic()
        held.let_go()

        def is_failed() -> str | None:
            run = instance.get_run_by_id(victim.run_id)
            return "failed" if run is not None and run.status is dg.DagsterRunStatus.FAILURE else None

        def is_free() -> str | None:
            return None if is_claimed(instance, victim) else "free"

        home.wait(is_failed, 120, "the run to be failed")
        failed = time.monotonic() - killed
        home.wait(is_free, 60, "the slot to be free")
        freed = time.monotonic() - killed
        assert not check_worker().healthy
        # A failed run is followed by the next one 5 minutes later, by Mews' clock, which the discovery learns.
        mews.advance(FIRST_BACKOFF.total_seconds())
        home.discover()
        with deployed.worker("second"):
            partitions = len(list(mews.sandbox.store.enterprises())) * DAYS
            home.wait(
                lambda: "there" if len(home.materialised("changes", "payments")) == partitions else None,
                600,  # on a busy machine; 124 seconds were seen
                "all partitions",
            )
            print(
                f"after SIGKILL: run failed in {failed:.0f} s, slot free in {freed:.0f} s, "
                f"partitions there in {time.monotonic() - killed:.0f} s and {FIRST_BACKOFF} of the sandbox"
            )
            assert check_worker().healthy
            assert_output_is_seen(instance)
        assert failed < 60
        messages = [entry.message for entry in instance.all_logs(victim.run_id)]
        assert any("was killed, or cannot reach the broker" in message for message in messages)
