"""What others do to a lake's files: the folder it stands in, and copies of it.

Lives here: names of folders above the lake, each with another lake beside it that a pattern would reach, and a copy in
the midst of a story, as `cp -r` and an older version of ours leave one. Not here: when (`story`).
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from mews_assets.catalog import TABLES
from mews_assets.lake.storage import layout
from mews_assets_tests.chaos.house import House

NAMES = {
    "": "",
    "a[1]": "a1",
    "a?b": "axb",
    "a*b,c": "aab",
    "state=prod/id=7": "",
    "scope=berlin/window=2024-06-03": "",
    "{a,b} %20#'\"=~é": "a",
}
"""By the lake's folder: a neighbour's."""
_DAY_SECONDS = 86_400


def name_of(seed: int) -> str:
    """The folders above the lake of one seed; every second has none that means anything."""
    rng = random.Random(f"{seed} name")
    return rng.choice(sorted(NAMES)) if rng.random() < 0.5 else ""


def lake_folder(folder: Path, seed: int) -> Path:
    """Where the lake of a seed stands. Beside it a neighbour has files of the same names, none of them readable."""
    name = name_of(seed)
    if neighbour := NAMES[name]:
        for table in TABLES:
            place = folder / neighbour / "lake" / layout.changes_file(table.name, "neighbour", "2024-06-03")
            place.parent.mkdir(parents=True)
            place.write_bytes(b"of the neighbour")
    return folder / name / "lake"


def copy(house: House, rng: random.Random) -> None:
    """The lake is moved away and copied back: all files get times of their own, in any order.

    Some partitions then stand as an older version wrote them, which did not know columns that are empty in them.
    """
    root = Path(house.base.root)
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
    house.weather.note("lake copied")
    house.story.append(
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
