"""The folder in which a lake stands, and copies of a lake.

Lives here: names of folders above the lake, each with another lake beside it that a glob would match, and a copy of the
lake as `cp -r` and an older version of this project leave one. Not here: when it is copied (`scenario`).
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from mews_assets.catalog import TABLES
from mews_assets.lake.storage import layout
from mews_assets_tests.chaos.system import System

NAMES = {
    "": "",
    "a[1]": "a1",
    "a?b": "axb",
    "a*b,c": "aab",
    "state=prod/id=7": "",
    "scope=berlin/window=2024-06-03": "",
    "{a,b} %20#'\"=~é": "a",
}
"""By the folder above the lake: that of the lake beside it."""
_DAY_SECONDS = 86_400


def folder_name(seed: int) -> str:
    """The folders above the lake of one seed; every second seed has none with a special meaning."""
    rng = random.Random(f"{seed} name")
    return rng.choice(sorted(NAMES)) if rng.random() < 0.5 else ""


def lake_folder(folder: Path, seed: int) -> Path:
    """The folder of the lake of a seed. The lake beside it has unreadable files of the same names."""
    name = folder_name(seed)
    if neighbour := NAMES[name]:
        for table in TABLES:
            place = folder / neighbour / "lake" / layout.changes_file(table.name, "neighbour", "2024-06-03")
            place.parent.mkdir(parents=True)
            place.write_bytes(b"of the neighbour")
    return folder / name / "lake"


def copy_lake(system: System, rng: random.Random) -> None:
    """Move the lake away and copy it back: all files get new modification times, in random order.

    A third of the partitions is then written as an older version did, without the columns that are empty.
    """
    root = Path(system.base.root)
    aside = root.with_name("moved")
    root.rename(aside)
    shutil.copytree(aside, root, copy_function=shutil.copyfile)
    shutil.rmtree(aside)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    changes = [path for path in files if path.match(f"{layout.CHANGES}/*/*/*/{layout.ROWS_FILE}")]
    older = rng.sample(changes, len(changes) // 3)
    for path in older:
        _as_an_older_version(path)
    times = rng.sample(range(_DAY_SECONDS), len(files))
    for path, seconds in zip(files, times, strict=True):
        os.utime(path, (seconds, seconds))
    system.faults.count("lake copied")
    system.log.append(
        f"  the lake is copied, {len(files)} files, {len(older)} of them as an older version wrote them"
    )


def _as_an_older_version(path: Path) -> None:
    rows = pq.read_table(path, partitioning=None)
    empty = [
        name
        for name in rows.column_names[2:]
        if rows.num_rows and rows.column(name).null_count == rows.num_rows
    ]
    kept = [name for name in rows.column_names if name not in empty or name == "_exact_numbers"]
    pq.write_table(rows.select(kept), path)
