"""What is in deploy/: commands that exist, names that are defined, and the same settings everywhere.

Neither Docker nor a cluster is needed: what only they can tell is not tested here.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mews_assets.cli import main
from mews_assets.settings import FILE_VARIABLES, VARIABLES
from mews_assets_tests import ROOT

DEPLOY = ROOT / "deploy"
CAMEL = re.compile(r"([A-Z])")


class _Loader(yaml.SafeLoader):
    """Compose's own tags too."""


_Loader.add_constructor("!reset", lambda loader, node: loader.construct_sequence(node))


def read(name: str) -> dict[str, Any]:
    return dict(yaml.load((DEPLOY / name).read_text(), _Loader))


def together(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two files as Compose reads them one after the other: mappings are joined, all else is replaced."""
    return {
        **first,
        **{
            name: together(first[name], one)
            if isinstance(one, dict) and isinstance(first.get(name), dict)
            else one
            for name, one in second.items()
        },
    }


COMPOSE, SANDBOX = read("docker/compose.yaml"), read("docker/sandbox.yaml")
VALUES = read("kubernetes/values.yaml")


def commands() -> list[list[str]]:
    """The commands of containers and of their probes."""
    services = {**COMPOSE["services"], "sandbox": SANDBOX["services"]["sandbox"]}
    ours = {
        name: one for name, one in services.items() if str(one.get("image", "")).startswith("mews-assets")
    }
    probes = [one["healthcheck"]["test"][1:] for one in ours.values() if "healthcheck" in one]
    return [one["command"] for one in ours.values()] + probes


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_a_command_of_a_container_is_a_program_of_the_package(command: list[str]) -> None:
    programs = ["mews-assets", "dagster", "dagster-webserver", "dagster-daemon", "dagster-celery"]
    assert command[0] in programs
    if not shutil.which(command[0], path=str(Path(sys.executable).parent)):
        pytest.skip(f"{command[0]} is not installed: pip install '.[services]'")
    if command[0] == "mews-assets":
        with pytest.raises(SystemExit) as ended:
            main([*command[1:], "--help"])
        assert ended.value.code == 0, "an option that the command does not have"


@pytest.mark.parametrize("composed", [COMPOSE, together(COMPOSE, SANDBOX)], ids=["alone", "with the sandbox"])
def test_the_services_are_those_of_the_compose_specification(composed: dict[str, Any]) -> None:
    compose_spec = pytest.importorskip("compose_spec")
    found = compose_spec.PyCompose.from_yaml(yaml.safe_dump(composed))
    found.validate()  # raises on volumes, networks and secrets that are not there
    assert set(found.service_names()) == set(composed["services"])
    wrong = {**composed, "services": {"worker": {**composed["services"]["worker"], "imagee": "x"}}}
    with pytest.raises(ValueError, match="imagee"):
        compose_spec.PyCompose.from_yaml(yaml.safe_dump(wrong))


def test_services_wait_for_services_and_mount_volumes_that_are_there() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    for name, service in services.items():
        for other, condition in service.get("depends_on", {}).items():
            healthy = condition["condition"] == "service_healthy"
            assert not healthy or "healthcheck" in services[other], f"{name} waits for {other}"
        for mount in service["volumes"]:
            assert mount.split(":")[0] in volumes
    assert set(SANDBOX["services"]) - {"sandbox"} <= set(services)
    assert services["worker"]["deploy"]["replicas"] == 2


def test_the_web_server_is_published_on_this_machine_alone() -> None:
    ports = [
        port
        for one in (COMPOSE, SANDBOX)
        for each in one["services"].values()
        for port in each.get("ports", [])
    ]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_setting_that_is_named_exists() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"\bMEWS_[A-Z_]+\b", text)}
    assert named - {"MEWS_WORKER_SILENT_SECONDS"} <= {*VARIABLES, *FILE_VARIABLES}


def test_the_image_is_not_run_as_root_and_names_no_secret() -> None:
    lines = (DEPLOY / "docker/Dockerfile").read_text().splitlines()
    assert "USER mews" in lines
    assert not [line for line in lines if re.search(r"TOKEN|PASSWORD|SECRET", line)]


def snake(settings: dict[str, Any]) -> dict[str, Any]:
    return {CAMEL.sub(lambda found: f"_{found[1].lower()}", name): one for name, one in settings.items()}


def test_the_values_of_the_chart_are_those_of_the_laid_configuration() -> None:
    laid = yaml.safe_load((ROOT / "mews_assets/deploy/dagster.k8s.yaml").read_text())
    assert snake(VALUES["dagsterDaemon"]["runMonitoring"]) == laid["run_monitoring"]
    assert snake(VALUES["concurrency"]["pools"]) == laid["concurrency"]["pools"]
    assert snake(VALUES["concurrency"]["runs"]) == laid["concurrency"]["runs"]
    for chart, ours in (
        ("schedule", "schedule"),
        ("sensor", "sensor"),
        ("autoMaterialize", "auto_materialize"),
    ):
        assert snake(VALUES["retention"][chart]) == laid["retention"][ours]
    launcher, ours = VALUES["runLauncher"]["config"]["customRunLauncher"], laid["run_launcher"]
    assert (launcher["module"], launcher["class"]) == (ours["module"], ours["class"])
    for name in ("run_k8s_config", "env_secrets", "fail_pod_on_run_failure"):
        assert launcher["config"][name] == ours["config"][name]
