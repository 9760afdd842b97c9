"""The house rules, held by reading the code itself, and the promise that one catalog row makes a table."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import pyarrow.parquet as pq
import pytest

import mews_assets
from mews_assets import catalog
from mews_assets.catalog.columns import integer, string
from mews_assets.catalog.entities import shapes
from mews_assets.catalog.model import Export, Table
from mews_assets.defs.assets.snapshot import SNAPSHOT_CHECKS
from mews_assets.defs.build import build_definitions
from mews_assets.defs.checks import checks_of, freshness
from mews_assets.defs.checks.unmerged import CAPTURES_MERGED
from mews_assets.sandbox.clock import read_micros
from mews_assets.sandbox.records.versions import Version
from mews_assets.sandbox.running import RunningSandbox
from mews_assets.sandbox.server import request_rules
from mews_assets_tests.defs.runs import add_scopes, fold_run, snapshot_run
from mews_assets_tests.defs.stage import DAYS, evaluations, expected_verdicts, materialisations, stage_of

PACKAGE = Path(mews_assets.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 350
MAX_MODULES = 16
"""In one package, `__init__` not counted: a reader takes in one screen."""

BELOW_DAGSTER = {"windows", "catalog", "api", "lake", "ingest", "marts", "settings"}
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": set(),
    "windows": set(),
    "backoff": set(),
    "catalog": {"pyarrow"},
    "api": {"windows", "backoff", "httpcore", "httpx", "msgspec"},
    "lake": {"catalog", "windows", "pyarrow", "duckdb", "msgspec", "numpy", "obstore", "zstandard"},
    "ingest": {"catalog", "windows", "backoff", "api", "lake", "msgspec", "slugify"},
    "marts": {"catalog", "windows", "lake", "pyarrow", "duckdb", "numpy", "matplotlib", "PIL"},
    "html_report": {"lake", "marts", "windows", "jinja2", "markupsafe", "plotly", "pyarrow"},
    "lake_location": set(),
    "connections": {"lake_location"},
    "table_settings": {"catalog", "windows", "lake_location"},
    "secret_variables": {"lake_location"},
    "log_format": {"api", "lake_location"},
    "settings": {
        *("catalog", "windows", "api", "lake_location"),
        *("connections", "log_format", "secret_variables", "table_settings"),
    },
    "publish": {"catalog", "lake", "marts", "pyarrow", "deltalake"},
    "alerts": {"backoff", "lake", "apprise", "msgspec"},
    "pacing": {"api", "lake", "msgspec"},
    "metrics": {"prometheus_client"},
    "clients": {"api", "metrics", "pacing", "settings"},
    "defs": {
        *BELOW_DAGSTER,
        *("clients", "alerts", "html_report", "log_format", "metrics", "publish"),
        *(
            "dagster",
            "dagster_celery",
            "dagster_k8s",
            "duckdb",
            "httpx",
            "prometheus_client",
            "pyarrow",
            "pydantic",
            "sqlalchemy",
        ),
    },
    "definitions": {"defs", "settings"},
    "component": {"connections", "defs", "settings", "dagster", "pydantic"},
    "sandbox": {"catalog", "starlette", "uvicorn", "msgspec"},
    "cli": {
        *BELOW_DAGSTER,
        *(
            "clients",
            "alerts",
            "html_report",
            "publish",
            "cli",
            "defs",
            "lake_location",
            "log_format",
            "sandbox",
            "secret_variables",
        ),
        *("dagster", "dotenv", "filelock", "httpx", "prometheus_client", "rich", "shtab", "tabulate", "yaml"),
    },
}
"""By package: the packages it may import, ours and those of others. What is not here is a mistake."""

LAYERS: dict[str, tuple[str, ...]] = {
    "api": (
        "redaction",
        "errors",
        "transport",
        "limits",
        "runtime",
        "refusals",
        "answers",
        "client",
        "pages",
        "exports",
        "waiting",
        "links",
        "file_download",
        "download",
        "__init__",
    ),
    "lake": (
        "errors",
        "progress",
        "storage",
        "partition",
        "file_statistics",
        "text",
        "conversion",
        "landing",
        "quality",
        "changes",
        "current",
        "reading",
        "erasure",
        "maintenance",
    ),
    "defs": ("namespace", "base", "checks", "assets", "sensors", "alerts", "build", "local", "production"),
    "pacing": ("shares", "machine", "shared"),
    "catalog": (
        "bookkeeping",
        "fetch",
        "model",
        "reference_model",
        "series_model",
        "columns",
        "fields",
        "privacy",
        "entities",
        "__init__",
        "arrow",
        "diagram",
        "topics",
        "document",
    ),
    "cli": (
        "home",
        "user_errors",
        "sandbox_process",
        "colours",
        "text_table",
        "status_text",
        "scope_option",
        "report_server",
        "progress",
        "first_settings",
        "commands",
        "__init__",
    ),
    "sandbox": ("clock", "records", "server", "simulation", "running", "command", "__main__"),
    "sandbox/simulation": (
        "instants",
        "amounts",
        "event_queue",
        "locations",
        "demand",
        "hotel",
        "reference",
        "derived",
        "money",
        "stays",
        "daily_schedule",
        "__init__",
    ),
}
"""Inside a package: its parts from the bottom up. Each may import only those before it."""

NEVER = ("utils", "helper", "helpers", "common", "misc", "stream", "dump", "tenant", "sync")


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> Iterator[str]:
    """The full name of every module a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the package"
            assert node.module is not None
            whole = PACKAGE.parent.joinpath(*node.module.split(".")).is_dir()
            yield from (f"{node.module}.{alias.name}" for alias in node.names) if whole else (node.module,)


def imported_packages(path: Path) -> set[str]:
    """The packages of ours and of others that a file imports."""
    found = set()
    for name in imports_of(path):
        first, _, rest = name.partition(".")
        if first == "mews_assets":
            found.add(rest.partition(".")[0] or "__init__")
        elif first not in sys.stdlib_module_names:
            found.add(first)
    return found - {package_of(path)}


def upward_imports(package: str, layers: tuple[str, ...]) -> list[str]:
    """The imports inside a package that do not go from a later part to an earlier one."""
    folder = PACKAGE / package
    prefix = f"mews_assets.{package.replace('/', '.')}."
    wrong = []
    for path in sorted(folder.rglob("*.py")):
        part = path.relative_to(folder).parts[0].removesuffix(".py")
        if part == "__init__" and part not in layers:
            continue
        for name in imports_of(path):
            if name.startswith(prefix):
                other = name.removeprefix(prefix).split(".")[0]
                other = other if other in layers else "__init__"
                if other != part and layers.index(other) > layers.index(part):
                    wrong.append(f"{named(path)} imports {name}")
    return wrong


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_package_has_its_row_in_the_table_of_imports() -> None:
    assert {package_of(path) for path in MODULES} <= set(MAY_IMPORT)


def test_modules_import_only_what_their_package_may() -> None:
    found = {named(path): imported_packages(path) - MAY_IMPORT[package_of(path)] for path in MODULES}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("package", LAYERS)
def test_the_parts_of_a_package_import_only_those_below_them(package: str) -> None:
    parts = {path.name.removesuffix(".py") for path in (PACKAGE / package).iterdir() if path.name[0] != "_"}
    parts -= {
        path.name for path in (PACKAGE / package).iterdir() if path.is_dir() and not [*path.glob("*.py")]
    }
    assert parts - set(LAYERS[package]) == set(), "a part of the package that has no layer"
    assert upward_imports(package, LAYERS[package]) == []


def test_no_package_has_more_modules_than_a_reader_takes_in() -> None:
    sizes = {
        named(folder): len([*folder.glob("[!_]*.py")]) for folder in PACKAGE.rglob("*") if folder.is_dir()
    }
    assert {name: size for name, size in sizes.items() if size > MAX_MODULES} == {}


def test_only_the_shells_know_dagster() -> None:
    knowing = {package_of(path) for path in MODULES if "dagster" in imported_packages(path)}
    assert knowing <= {"defs", "definitions", "component", "cli"}


def test_only_the_plots_know_how_to_draw() -> None:
    """Importing matplotlib takes a second that no other module should cost."""
    drawing = [named(path) for path in MODULES if {"matplotlib", "PIL"} & imported_packages(path)]
    assert drawing == ["marts/plot_png.py"]


def test_modules_are_short_and_open_with_their_charter() -> None:
    found = {named(path): problem for path in MODULES if (problem := charter_problem(path.read_text()))}
    assert found == {}


def charter_problem(text: str) -> str:
    charter = ast.get_docstring(ast.parse(text))
    if text.count("\n") > MAX_LINES:
        return f"{text.count(chr(10))} lines, more than {MAX_LINES}"
    if not charter:
        return "no docstring"
    return "" if charter.splitlines()[0].endswith((".", ":", "?")) else "its first line is no sentence"


def test_a_package_that_lists_its_modules_lists_them_all() -> None:
    """A stranger reads the list to find the file to open: a module left out of it is not found."""
    unlisted = {}
    for path in MODULES:
        listed = re.findall(
            r"^ *(\w+(?:, \w+)*)  +\S", ast.get_docstring(ast.parse(path.read_text())) or "", re.M
        )
        if path.name == "__init__.py" and len(listed) >= 3:
            words = set(re.findall(r"\w+", ast.get_docstring(ast.parse(path.read_text())) or ""))
            names = {other.stem for other in path.parent.glob("*.py")} - {"__init__", "__main__"}
            unlisted[named(path)] = sorted(names - words)
    assert {name: missing for name, missing in unlisted.items() if missing} == {}


def test_modules_are_named_for_what_they_hold() -> None:
    words = {named(path): set(re.split(r"[/_.]", named(path))) & set(NEVER) for path in MODULES}
    assert {name: wrong for name, wrong in words.items() if wrong} == {}


def test_nothing_is_left_to_be_done_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [named(path) for path in MODULES if marks.search(path.read_text())] == []


TOLD_OF_FILES = re.compile(
    r"\b(read_parquet|read_json\w*|read_csv\w*|parquet_scan|parquet_schema|parquet_metadata|hive_partitioning|"
    r"union_by_name|COPY \w|ATTACH '(?!:memory:)|glob\()",
)
"""SQL that names a file, or says how one is read."""


def spelled(path: Path) -> Iterator[str]:
    """The texts of a module's code: without its docstrings."""
    tree = ast.parse(path.read_text())
    told = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and isinstance(node.body[0], ast.Expr)
        and isinstance(node.body[0].value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told:
            yield node.value


def test_one_module_tells_duckdb_of_files() -> None:
    """What DuckDB makes of a name otherwise stands there."""
    telling = {named(path) for path in MODULES for text in spelled(path) if TOLD_OF_FILES.search(text)}
    assert telling == {"lake/storage/duckdb_paths.py"}


WHOLE_PATHS = re.compile(
    r"\b(pq|parquet)\.read_table\((?!.*partitioning=None)|\bdataset\(|\bpd\.read_|\bpl\.scan_"
)
"""Readers that take folders above a file for columns, unless told."""


def test_no_other_reader_takes_folders_for_columns() -> None:
    assert [named(path) for path in MODULES if WHOLE_PATHS.search(path.read_text())] == []


SPA_VISITS = Table(
    "spa_visits",
    "SpaVisit",
    "One row per version of a visit to the spa.",
    (
        shapes.row_id("spa visit"),
        shapes.ENTERPRISE_ID,
        string("Treatment", "What was done.", required=True),
        integer("Minutes", "How long it took."),
        shapes.amount("Price", "What it cost."),
        shapes.updated_utc("spa visit"),
    ),
    Export("SpaVisit"),
)
PRICE = {
    "Currency": "EUR",
    "NetValue": 100.0,
    "GrossValue": 121.0,
    "TaxValues": [{"Code": "CZ-S", "Value": 21.0}],
    "Breakdown": {"Items": [{"TaxRateCode": "CZ-S", "NetValue": 100.0, "TaxValue": 21.0}]},
}


def visit(number: int, enterprise: str, stamp: str) -> Version:
    record: dict[str, Any] = {
        "Id": f"5ba00000-0000-4000-8000-{number:012}",
        "EnterpriseId": enterprise,
        "Treatment": "sauna",
        "Minutes": 90,
        "Price": PRICE,
        "UpdatedUtc": stamp,
    }
    return Version("SpaVisit", record["Id"], enterprise, read_micros(stamp), msgspec.json.encode(record))


@pytest.fixture
def with_spa(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one edit: a row in the catalog. (The sandbox's Mews begins to export spa visits.)"""
    monkeypatch.setattr(catalog, "TABLES", (*catalog.TABLES, SPA_VISITS))
    monkeypatch.setattr(request_rules, "EXPORTED", (*request_rules.EXPORTED, "SpaVisit"))


@pytest.mark.slow
@pytest.mark.usefixtures("with_spa")
def test_one_row_in_the_catalog_makes_assets_partitions_schema_checks_and_a_job(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        stage = stage_of(mews, instance, tmp_path, monkeypatch)
        definitions = build_definitions(stage.settings)
    graph = definitions.resolve_asset_graph()
    landing, changes = dg.AssetKey(["landing", "spa_visits"]), dg.AssetKey(["changes", "spa_visits"])
    like = dg.AssetKey(["changes", "payments"])

    current = dg.AssetKey(["current", "spa_visits"])
    snapshot = dg.AssetKey(["snapshot", "spa_visits"])
    assert {landing, changes, snapshot, current} <= set(graph.get_all_asset_keys())
    assert graph.get(changes).parent_keys == {landing}
    assert graph.get(current).parent_keys == {changes, snapshot}
    assert graph.get(snapshot).partitions_def == graph.get(current).partitions_def
    assert SPA_VISITS.description in (graph.get(snapshot).description or "")
    assert graph.get(current).partitions_def == graph.get(dg.AssetKey(["current", "payments"])).partitions_def
    for key in (landing, changes):
        assert graph.get(key).partitions_def == graph.get(like).partitions_def
        assert graph.get(key).group_name == key.path[0]
        assert graph.get(key).owners
        assert SPA_VISITS.description in (graph.get(key).description or "")
        assert set(graph.get(key).metadata) >= set(graph.get(dg.AssetKey([key.path[0], "payments"])).metadata)
    assert {key.name for key in graph.asset_check_keys if key.asset_key == snapshot} == {
        check.name for check in SNAPSHOT_CHECKS
    }
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == changes}
    assert checks == {*(check.name for check in checks_of(SPA_VISITS)), freshness.CHECK, CAPTURES_MERGED}
    assert graph.get(changes).freshness_policy == graph.get(like).freshness_policy is not None
    selected = definitions.resolve_job_def(freshness.JOB).asset_layer.asset_graph.asset_check_keys
    assert dg.AssetCheckKey(changes, freshness.CHECK) in selected

    schema = graph.get(changes).metadata["dagster/column_schema"]
    described = {column.name: (column.type, column.description) for column in schema.columns}
    assert described["treatment"] == ("string", "What was done.")
    assert described["price"][0].startswith("struct<currency, net_value")

    job = definitions.resolve_job_def("spa_visits")
    assert job.asset_layer.selected_asset_keys == {landing, changes}


@pytest.mark.usefixtures("with_spa")
def test_one_row_in_the_catalog_is_enough_to_fill_the_table(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = mews.sandbox.store.enterprises()
    for number, (enterprise, stamp) in enumerate(
        [(north, "2025-03-08T10:00:00Z"), (south, "2025-03-09T00:00:00Z"), (south, "2025-03-09T10:00:00Z")]
    ):
        mews.sandbox.store.put(visit(number, enterprise, stamp))
    with dg.DagsterInstance.ephemeral() as instance:
        stage = stage_of(mews, instance, tmp_path, monkeypatch)
        result = stage.run("spa_visits", stage.keys())
    assert result.success
    changes = dg.AssetKey(["changes", "spa_visits"])
    rows = {
        key: metadata["dagster/partition_row_count"]
        for key, metadata in materialisations(result, changes).items()
    }
    assert rows == {
        stage.key(north, DAYS[0]): 1,
        stage.key(north, DAYS[1]): 0,
        stage.key(south, DAYS[0]): 0,
        stage.key(south, DAYS[1]): 2,
    }
    verdicts = evaluations(result, changes)
    assert set(verdicts) == expected_verdicts(SPA_VISITS)
    assert all(verdicts.values())

    file = tmp_path / f"lake/changes/spa_visits/scope={north}/window={DAYS[0]}/rows.parquet"
    (row,) = pq.read_table(file, partitioning=None).to_pylist()
    assert (row["treatment"], row["minutes"], row["price"]["gross_value"]) == ("sauna", 90, 121.0)
    assert row["price"]["tax_values"] == [{"code": "CZ-S", "value": 21.0}]


@pytest.mark.usefixtures("with_spa")
def test_one_row_in_the_catalog_is_enough_for_a_snapshot(
    mews: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = mews.sandbox.store.enterprises()
    mews.sandbox.store.put(visit(7, north, "2019-05-01T10:00:00Z"))
    with dg.DagsterInstance.ephemeral() as instance:
        stage = stage_of(mews, instance, tmp_path, monkeypatch)
        add_scopes(stage)
        result = snapshot_run(stage, SPA_VISITS, north, south)
        assert result.success
        assert fold_run(stage, SPA_VISITS, north, south).success
    verdicts = evaluations(result, dg.AssetKey(["snapshot", "spa_visits"]))
    assert set(verdicts) == {(check.name, None) for check in SNAPSHOT_CHECKS}
    assert all(verdicts.values())
    file = tmp_path / f"lake/current/spa_visits/scope={north}/rows.parquet"
    rows = {row["id"][-2:]: row["minutes"] for row in pq.read_table(file, partitioning=None).to_pylist()}
    assert rows["07"] == 90
