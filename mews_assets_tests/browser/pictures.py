"""The pictures of the documents, made anew from the demonstration: `make pictures`, after `make demo`.

Lives here: which page of the UI becomes which picture, and the plot of a mart that the documents show. Run it where
`data/demo` is. Not here: the pages themselves (`pages`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import httpx
from playwright.sync_api import Page, expect

from mews_assets.cli import home
from mews_assets_tests import ROOT
from mews_assets_tests.browser.pages import find_chromium, ui_of

DOCS = ROOT / "docs"
LAYERS = ("landing", "changes")
TABLES = ("order_items", "payments", "bills")
START_SECONDS = 120
GRAPH = {"x": 636, "y": 154, "width": 770, "height": 725}
"""The part of a page of 1500 to 1000 pixels that shows the graph."""


def main() -> int:
    demo = home.DEMO.absolute()
    chromium = find_chromium()
    if chromium is None or not (demo / "lake").is_dir():
        print("pictures need a chromium and the demonstration's tables: apt-get install chromium, make demo")
        return 1
    plot = demo / "lake" / "marts" / "daily_performance" / "plot.png"
    shutil.copyfile(plot, DOCS / "marts.png")
    with webserver(demo) as address, ui_of(address, chromium, demo) as ui:
        lineage(ui.page, address, DOCS / "lineage.png")
    print(f"{DOCS / 'marts.png'}\n{DOCS / 'lineage.png'}")
    return 0


def lineage(page: Page, address: str, target: Path) -> None:
    """Landing and changes of some tables, with their checks and partitions."""
    keys = [f"{layer}/{table}" for table in TABLES for layer in LAYERS]
    selection = " or ".join(f'key:"{key}"' for key in keys)
    # Groups are folded unless the address names them.
    unfolded = ",".join(f"global@global:{layer}" for layer in LAYERS)
    page.goto(f"{address}/asset-groups~{quote(selection, safe='')}?expanded={quote(unfolded, safe='')}")
    expect(page.get_by_text("Passed").nth(2)).to_be_visible(timeout=START_SECONDS * 1000)
    page.wait_for_timeout(2000)  # the graph moves to its place
    page.screenshot(path=target, clip=GRAPH)


@contextmanager
def webserver(demo: Path) -> Iterator[str]:
    """The webserver on the demonstration's Dagster home; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEWS_")} | {
        "DAGSTER_HOME": str(demo / "dagster"),
        "MEWS_LAKE": str(demo / "lake"),
        "MEWS_START_DATE": home.trial(home.utc_now(), demo).start_date,
    }
    command = ["dagster_webserver", "-m", "mews_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=demo,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/server_info", trust_env=False).is_success:
                    break
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    sys.exit(main())
