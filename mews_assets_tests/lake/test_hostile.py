"""What comes from outside and may mean harm: names that would leave the lake, lines without end, code in data."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mews_assets
from mews_assets.lake.landing import capture_store, export_log
from mews_assets.lake.landing.export_log import LoggedExport
from mews_assets.lake.partition import Partition
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import Lake
from mews_assets_tests.lake.made import CAPTURED, ORDER_ITEMS, days, item, land

HOSTILE = [
    "../../etc/passwd",
    "a/b",
    "..",
    ".",
    "",
    "a\\b",
    "/etc",
    "a\nb",
    "a\0b",
    "x" * 101,
    "-rf",
    "é",
    "a b",
    "a%2fb",
]
PATHS = {
    name: function
    for name, function in vars(layout).items()
    if inspect.isfunction(function) and function.__module__ == layout.__name__ and not name.startswith("_")
}
OURS = {"table", "number"}
"""Parameters that are never from outside: tables are of the catalog, numbers are counted here."""
READERS = {
    "safe_name",
    "window_of",
    "partition_of",
    "scope_of",
    "table_of",
    "landed_table",
    "mart_file",
    "mart_plot",
    "is_our_own",
}
"""Take paths apart, or take names of our own."""
TAKE_IDS = sorted(
    name for name in PATHS.keys() - READERS if inspect.signature(PATHS[name]).parameters.keys() - OURS
)
"""Make a path of something from outside."""


@pytest.mark.parametrize("name", TAKE_IDS)
@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_no_id_from_outside_gets_into_a_path_unless_it_is_a_plain_name(name: str, hostile: str) -> None:
    parameters = [one for one in inspect.signature(PATHS[name]).parameters if one not in OURS]
    for wrong in parameters:
        given = {one: hostile if one == wrong else "fine" for one in parameters}
        ours = {"table": "order_items", "number": 1}
        given |= {key: ours[key] for key in inspect.signature(PATHS[name]).parameters if key in OURS}
        with pytest.raises(ValueError, match="cannot be a name in the lake"):
            PATHS[name](**given)


def kept_files(lake: Lake) -> list[str]:
    """All files but locks and those of work under way."""
    return [name for name in lake.files("", recursive=True) if not name.startswith(".aside/")]


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
def test_hostile_scopes_captures_and_exports_are_refused_before_anything_is_written(
    lake: Lake, hostile: str
) -> None:
    before = kept_files(lake)
    with pytest.raises(ValueError, match="cannot be a name"):
        Partition(hostile, days(1, 2))
    with pytest.raises(ValueError, match="cannot be a name"):
        land(lake, ORDER_ITEMS, [item("a", None)], days(1, 2), scopes=(hostile,))
    with pytest.raises(ValueError, match="cannot be a name"):
        land(lake, ORDER_ITEMS, [item("a", None)], days(1, 2), capture=hostile or "..")
    with pytest.raises(ValueError, match="cannot be a name"):
        export_log.save(lake, LoggedExport(hostile, "default", "bills", ("s",), days(1, 2), CAPTURED))
    assert kept_files(lake) == before
    assert capture_store.captures(lake, "order_items") == []


CONVERT = """
import json, resource, sys
from pathlib import Path
from mews_assets import catalog
from mews_assets.lake.conversion.convert import convert
from mews_assets.lake.errors import RecordError
table, source = catalog.table("order_items"), Path(sys.argv[1])
convert(table, [source.with_name("good.jsonl")], source.with_name("good.parquet"), threads=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    convert(table, [source], source.with_name("rows.parquet"), threads=1)
except RecordError as error:
    print(json.dumps([str(error), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before]))
"""
LINES = {
    "a line of 100 MB": (b'{"Id":"a","Notes":"' + b"x" * (100 << 20) + b'"}', "longer than 16 MiB"),
    "a hundred thousand brackets": (
        b'{"Id":"a","New":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "nested too deeply",
    ),
    "a number of ten million digits": (b'{"Id":"a","UnitCount":' + b"9" * 10_000_000 + b"}", "UnitCount"),
    "an amount of a million digits": (
        b'{"Id":"a","UnitAmount":{"NetValue":' + b"9" * 1_000_000 + b"}}",
        "beyond the range of a double",
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_hostile_line_is_named_in_bounded_memory(tmp_path: Path, name: str) -> None:
    line, said = LINES[name]
    (tmp_path / "good.jsonl").write_bytes(b'{"Id":"a"}\n')
    (tmp_path / "x.jsonl").write_bytes(b'{"Id":"a"}\n' + line + b"\n")
    command = [sys.executable, "-c", CONVERT, str(tmp_path / "x.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    problem, grown_kilobytes = json.loads(done.stdout)
    assert "x.jsonl, line 2" in problem
    assert said in problem
    assert len(problem) < 600
    assert grown_kilobytes < 300 << 10
    assert not (tmp_path / "rows.parquet").exists()


PICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@pytest.mark.slow
def test_nothing_here_writes_or_reads_objects_that_are_code() -> None:
    found = []
    for path in Path(mews_assets.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            words = {name.split(".")[0] for name in names}
            if isinstance(node, ast.Attribute):
                words |= {node.attr} & {"read_pickle", "to_pickle", "allow_pickle"}
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                words.add(node.arg)
            found += [
                f"{path.name}: {word}"
                for word in words & (PICKLING | {"read_pickle", "to_pickle", "allow_pickle"})
            ]
    assert found == []
