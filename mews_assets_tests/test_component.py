"""The definitions in somebody else's Dagster project: a component, and the example project that uses it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
import pandas
import pytest
import yaml

import mews_assets
from mews_assets.component import MewsComponent
from mews_assets.lake_location import SettingError
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.settings import read_settings
from mews_assets_tests.defs.stage import DAYS, QUIET

EXAMPLE = Path(__file__).parents[1] / "examples" / "dagster_project"


def component(**attributes: Any) -> MewsComponent:
    """The component as its YAML file makes it."""
    written = yaml.safe_dump({"start_date": "2026-01-01", "lake": "data/lake", **attributes})
    return MewsComponent.resolve_from_yaml(written)


def test_attributes_are_the_settings_of_the_environment() -> None:
    written = component(
        platform_address="https://api.mews.com",
        window="weekly",
        tables=["payments", "bills"],
        pii="drop",
        automation=True,
        key_prefix="hotels/london",
        group_prefix="london",
        settings={"MEWS_LANDING_DAYS": "30"},
    ).read_settings()
    assert written == read_settings(
        {
            "MEWS_START_DATE": "2026-01-01",
            "MEWS_LAKE": "data/lake",
            "MEWS_PLATFORM_ADDRESS": "https://api.mews.com",
            "MEWS_WINDOW": "weekly",
            "MEWS_TABLES": "payments,bills",
            "MEWS_PII": "drop",
            "MEWS_AUTOMATION": "on",
            "MEWS_LANDING_DAYS": "30",
            "MEWS_KEY_PREFIX": "hotels/london",
            "MEWS_GROUP_PREFIX": "london",
        }
    )


def test_variables_of_the_host_do_not_change_the_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEWS_WINDOW", "hourly")
    assert component().read_settings().grain == "daily"


def test_each_connection_names_its_variable() -> None:
    connections = [
        {"name": "prague", "access_token_variable": "PRAGUE", "enterprises": ["a"]},
        {"name": "london"},
    ]
    read = component(connections=connections, client_token_variable="CLIENT").read_settings()
    assert read.client_token_variable == "CLIENT"
    assert [(one.name, one.access_token_variable, one.enterprises) for one in read.connections] == [
        ("prague", "PRAGUE", ("a",)),
        ("london", "MEWS_ACCESS_TOKEN", ()),
    ]


def test_a_token_in_place_of_a_variable_is_refused_and_not_repeated() -> None:
    token = "C66EF7B239D24632943D115EDE9CB810-EA00F8FD8294692C940F6B5A8F9453D"
    with pytest.raises(
        SettingError, match=r"component's connections, connection a: .* not the token"
    ) as refused:
        component(connections=[{"name": "a", "access_token_variable": token}]).read_settings()
    assert token not in str(refused.value)


def test_what_cannot_be_used_is_named_as_a_setting() -> None:
    with pytest.raises(SettingError, match="MEWS_START_DATE is 'soon'"):
        component(start_date="soon").read_settings()


def test_dagster_finds_the_component_by_the_name_of_the_package() -> None:
    (entry,) = metadata.entry_points(group="dagster_dg_cli.registry_modules", name="mews_assets")
    module = entry.load()
    assert module is mews_assets and module.MewsComponent is MewsComponent
    assert {"MewsComponent", "Settings", "build_definitions", "read_settings"} <= set(dir(module))


def test_importing_the_package_loads_no_dagster() -> None:
    # The command's --help would take seconds.
    code = "import mews_assets, sys; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_assets_of_the_example_project_are_made_from_a_table_of_mews(
    mews: RunningSandbox,
    dagster_instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOTELS_LAKE", str(tmp_path / "lake"))
    monkeypatch.setenv("MEWS_CLIENT_TOKEN", mews.client_token)
    monkeypatch.setenv("MEWS_ACCESS_TOKEN", mews.access_token)
    project = tmp_path / "project"
    _copy_with(EXAMPLE, project, {"https://api.mews-demo.com": mews.address, '"2026-01-01"': '"2025-03-07"'})
    monkeypatch.syspath_prepend(project / "src")
    from hotels.definitions import defs  # type: ignore[import-not-found]

    definitions = defs()

    def run(keys: list[str], config: dict[str, Any] | None = None, partition: str | None = None) -> None:
        selection = dg.AssetSelection.assets(*keys)
        job = dg.define_asset_job("chosen", selection)
        made = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job])).resolve_job_def("chosen")
        made.execute_in_process(
            instance=dagster_instance,
            run_config={"ops": config or {}, "loggers": QUIET},
            partition_key=partition,
        )

    run(["mews/reference/enterprises"])
    enterprise = dagster_instance.get_dynamic_partitions("mews__enterprises")[0]
    run(["mews/landing/payments", "mews/changes/payments"], partition=f"{enterprise}|{DAYS[0]}")
    run(["mews/current/payments"], partition=enterprise)
    run(["payments_per_day"])
    run(["largest_payments"], partition=enterprise)
    made = pandas.read_parquet(tmp_path / "payments_per_day.parquet")
    current = pandas.read_parquet(tmp_path / "lake" / "current" / "payments")
    assert len(current) and list(made.columns) == ["day", "currency", "gross_value"]
    values = [amount["gross_value"] for amount in current["amount"]]
    assert made["gross_value"].sum() == sum(values)
    largest = pandas.read_parquet(tmp_path / "largest_payments" / f"{enterprise}.parquet")
    assert list(largest["gross_value"]) == sorted(values, reverse=True)[:10]


def _copy_with(source: Path, target: Path, replaced: dict[str, str]) -> None:
    """Copy a project, with other values in its files."""
    for file in source.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            text = file.read_text()
            for old, new in replaced.items():
                text = text.replace(old, new)
            copy = target / file.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text)
