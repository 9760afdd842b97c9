"""`mews-assets init`: what it lays is read by Dagster itself, and nothing that stands is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import RunLauncher

from mews_assets.cli import main
from mews_assets.cli.commands.production.init import LAID

ENVIRONMENT = {
    "DAGSTER_POSTGRES_URL": "postgresql+psycopg2://dagster@127.0.0.1:1/dagster",
    "CELERY_BROKER": "redis://127.0.0.1:1/0",
    "CELERY_BACKEND": "redis://127.0.0.1:1/1",
    "DAGSTER_K8S_SERVICE_ACCOUNT": "dagster",
    "DAGSTER_JOB_IMAGE": "registry.example/mews-assets:0.1.0",
    "DAGSTER_K8S_NAMESPACE": "mews",
    "DAGSTER_INSTANCE_CONFIG_MAP": "dagster-instance",
}
NEEDS = {"celery": ("dagster_celery", "dagster_postgres"), "kubernetes": ("dagster_k8s", "dagster_postgres")}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))


def lay(kind: str, folder: Path) -> Path:
    assert main(["init", "--production", kind, str(folder)]) == 0
    return folder


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("kind", sorted(LAID))
def test_what_is_laid_is_a_configuration_that_dagster_accepts(kind: str, tmp_path: Path) -> None:
    for module in NEEDS.get(kind, ()):
        pytest.importorskip(module)
    home = lay(kind, tmp_path / "home")
    assert {file.name for file in home.iterdir()} == set(LAID[kind].values())
    ref = InstanceRef.from_dir(str(home))  # raises on a setting that Dagster does not know
    assert ref.settings["run_monitoring"]["enabled"]
    assert ref.settings["concurrency"]["pools"] == {"granularity": "op", "default_limit": 4}
    if kind != "single":
        assert ref.run_storage_data is not None
        assert ref.run_storage_data.class_name == "DagsterPostgresStorage" or "Postgres" in str(
            ref.run_storage_data
        )


@pytest.mark.usefixtures("environment")
def test_the_celery_launcher_is_made_from_what_is_laid(tmp_path: Path) -> None:
    for module in NEEDS["celery"]:
        pytest.importorskip(module)
    home = lay("celery", tmp_path / "home")
    data = InstanceRef.from_dir(str(home)).run_launcher_data
    assert data is not None
    launcher = data.rehydrate(as_type=RunLauncher)
    assert type(launcher).__name__ == "CheckedCeleryRunLauncher"
    from dagster_celery.cli import get_validated_config

    worker = get_validated_config(str(home / "celery.yaml"))
    assert worker["broker"] == ENVIRONMENT["CELERY_BROKER"]
    assert worker["config_source"]["worker_disable_prefetch"]
    assert worker["config_source"]["worker_redirect_stdouts"] is False, "the output of runs would be lost"


def test_the_settings_of_all_kinds_agree_where_they_do_not_have_to_differ(tmp_path: Path) -> None:
    laid = {kind: yaml.safe_load((lay(kind, tmp_path / kind) / "dagster.yaml").read_text()) for kind in LAID}
    for name in ("concurrency", "freshness", "retention", "telemetry", "nux"):
        assert laid["single"][name] == laid["celery"][name] == laid["kubernetes"][name], name


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("kind", sorted(LAID))
def test_the_output_of_runs_goes_to_a_bucket_where_that_is_asked_for(kind: str, tmp_path: Path) -> None:
    for module in ("dagster_aws", *NEEDS.get(kind, ())):
        pytest.importorskip(module)
    home = tmp_path / "home"
    assert main(["init", "--production", kind, "--logs", "s3://logs.example/dagster/", str(home)]) == 0
    data = InstanceRef.from_dir(str(home)).compute_logs_data
    assert data.class_name == "S3ComputeLogManager"
    assert data.config_dict == {"bucket": "logs.example", "prefix": "dagster", "upload_interval": 30}


@pytest.mark.parametrize("logs", ["gs://bucket/logs", "s3://bucket", "s3://bucket/", "s3://b/x: y"])
def test_a_place_for_logs_that_is_no_folder_of_a_bucket_is_refused(
    logs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["init", "--production", "celery", "--logs", logs, str(tmp_path / "home")])
    assert "--logs is s3://BUCKET/PREFIX" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_nothing_that_stands_is_overwritten_and_nothing_is_laid_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "celery.yaml").write_text("mine")
    assert main(["init", "--production", "celery", str(tmp_path)]) == 1
    assert "celery.yaml exists: nothing was written" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["celery.yaml"]
    assert (tmp_path / "celery.yaml").read_text() == "mine"
