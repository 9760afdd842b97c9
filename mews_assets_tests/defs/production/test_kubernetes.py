"""Runs as Kubernetes jobs: the manifest that Dagster's launcher makes of the laid configuration.

The cluster is the only part that is not real: its client takes the job and says what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import dagster as dg
import pytest
import yaml

pytest.importorskip("dagster_k8s")
import kubernetes
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import LaunchRunContext, RunLauncher, WorkerStatus
from dagster._serdes import ConfigurableClassData

from mews_assets.cli import main
from mews_assets_tests import ROOT

ENVIRONMENT = {
    "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://dagster@127.0.0.1:1/dagster",
    "DAGSTER_K8S_SERVICE_ACCOUNT": "dagster",
    "DAGSTER_JOB_IMAGE": "registry.example/mews-assets:0.1.0",
    "DAGSTER_K8S_NAMESPACE": "mews",
    "DAGSTER_INSTANCE_CONFIG_MAP": "dagster-instance",
}


@dg.job(name="payments")
def payments() -> None: ...


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MagicMock]:
    """The client of the batch API."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", "/opt/dagster/dagster_home")
    batch = MagicMock()
    with (
        patch("kubernetes.config.load_incluster_config"),
        patch("kubernetes.client.BatchV1Api", lambda **_: batch),
    ):
        assert main(["init", "--production", "kubernetes", str(tmp_path)]) == 0
        yield batch


@pytest.fixture
def started(cluster: MagicMock, tmp_path: Path) -> Iterator[tuple[Any, dg.DagsterRun]]:
    """The launcher, and a run that it launched."""
    data = InstanceRef.from_dir(str(tmp_path)).run_launcher_data
    assert data is not None
    launcher = data.rehydrate(as_type=RunLauncher)
    with dg.instance_for_test() as instance:
        launcher.register_instance(instance)
        run = instance.create_run_for_job(
            payments,
            job_code_origin=dg.reconstructable(payments).get_python_origin(),
            status=dg.DagsterRunStatus.STARTED,
        )
        launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
        yield launcher, run


def test_a_run_is_a_job_that_is_tried_once_and_not_as_root(
    cluster: MagicMock, started: tuple[Any, dg.DagsterRun]
) -> None:
    asked = cluster.create_namespaced_job.call_args.kwargs
    assert asked["namespace"] == "mews"
    manifest = kubernetes.client.ApiClient().sanitize_for_serialization(asked["body"])
    assert (manifest["kind"], manifest["apiVersion"]) == ("Job", "batch/v1")
    assert manifest["spec"]["backoffLimit"] == 0
    assert manifest["spec"]["ttlSecondsAfterFinished"] == 86400
    pod = manifest["spec"]["template"]["spec"]
    assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "dagster")
    (container,) = pod["containers"]
    assert container["image"] == ENVIRONMENT["DAGSTER_JOB_IMAGE"]
    assert container["args"][:3] == ["dagster", "api", "execute_run"]
    assert container["securityContext"] == {"runAsNonRoot": True, "allowPrivilegeEscalation": False}
    assert container["resources"]["limits"] == {"memory": "2Gi"}
    assert {one["secretRef"]["name"] for one in container["envFrom"] if "secretRef" in one} == {"mews-assets"}
    assert started[1].run_id in manifest["metadata"]["labels"]["dagster/run-id"]
    assert "postgresql" not in str(manifest), "addresses with passwords come from the secret"


@pytest.mark.parametrize(
    ("active", "failed", "succeeded", "status"),
    [
        (1, None, None, WorkerStatus.RUNNING),
        (None, 1, None, WorkerStatus.FAILED),  # the pod was killed
        (None, None, 1, WorkerStatus.FAILED),  # its pod ended and the run did not say so
    ],
)
def test_a_run_whose_pod_is_gone_is_not_taken_for_running(
    cluster: MagicMock,
    started: tuple[Any, dg.DagsterRun],
    active: int | None,
    failed: int | None,
    succeeded: int | None,
    status: WorkerStatus,
) -> None:
    found = kubernetes.client.V1JobStatus(active=active, failed=failed, succeeded=succeeded)
    cluster.read_namespaced_job_status.return_value = kubernetes.client.V1Job(status=found)
    launcher, run = started
    assert launcher.supports_check_run_worker_health
    assert launcher.check_run_worker_health(run).status is status


def test_a_run_is_not_failed_by_an_api_that_does_not_answer_for_a_while(
    cluster: MagicMock, started: tuple[Any, dg.DagsterRun]
) -> None:
    launcher, run = started
    now = [0.0]
    launcher._clock = lambda: now[0]
    running = kubernetes.client.V1Job(status=kubernetes.client.V1JobStatus(active=1))

    def look(at: float, answer: object) -> WorkerStatus:
        now[0] = at
        cluster.read_namespaced_job_status.side_effect = [answer]
        return launcher.check_run_worker_health(run).status

    with patch("dagster_k8s.client.time.sleep"):  # it tries some times more by itself
        refused = kubernetes.client.rest.ApiException(status=403)
        assert look(0, refused) is WorkerStatus.RUNNING
        assert look(290, refused) is WorkerStatus.RUNNING
        assert look(300, running) is WorkerStatus.RUNNING
        assert look(310, refused) is WorkerStatus.RUNNING, "counted from the last answer on"
        assert look(620, refused) is WorkerStatus.UNKNOWN, "run monitoring fails the run"


def test_the_values_of_the_chart_make_the_same_launcher(
    cluster: MagicMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    del cluster
    for name in ("INSTANCE_CONFIG_MAP", "PG_PASSWORD_SECRET", "PIPELINE_RUN_ENV_CONFIGMAP"):
        monkeypatch.setenv(f"DAGSTER_K8S_{name}", name.lower())
    values = yaml.safe_load((ROOT / "deploy/kubernetes/values.yaml").read_text())
    custom = values["runLauncher"]["config"]["customRunLauncher"]
    data = ConfigurableClassData(custom["module"], custom["class"], yaml.safe_dump(custom["config"]))
    assert type(data.rehydrate(as_type=RunLauncher)).__name__ == "CheckedK8sRunLauncher"


def test_a_killed_run_is_failed_and_its_slots_are_free_within_five_minutes(
    cluster: MagicMock, tmp_path: Path
) -> None:
    settings = InstanceRef.from_dir(str(tmp_path)).settings["run_monitoring"]
    assert settings["enabled"]
    assert settings["poll_interval_seconds"] + settings["free_slots_after_run_end_seconds"] <= 300
    assert settings["max_resume_run_attempts"] == 0, "the sensors ask again; a resumed run would do it twice"
