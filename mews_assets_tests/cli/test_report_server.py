"""The report over HTTP: the file as it is now, and a sentence where there is none."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx

from mews_assets.cli.report_server import report_server
from mews_assets.lake.storage import layout
from mews_assets.lake.storage.lake import open_lake
from mews_assets.windows import Grain


def test_the_report_is_read_anew_for_each_request(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    with report_server(lake, 0) as address, httpx.Client(trust_env=False) as client:
        before = client.get(address)
        assert before.status_code == 404
        assert "materialise the asset `report`" in before.text
        for content in ("<p>one</p>", "<p>two</p>"):
            lake.write(layout.report_file(), content.encode())
            assert client.get(address).text == content
        assert client.get(address).headers["content-type"] == "text/html; charset=utf-8"
        assert client.get(address.replace(layout.report_file(), "state/directory.json")).status_code == 404


def test_where_the_port_is_taken_another_is_used(tmp_path: Path) -> None:
    lake = open_lake(str(tmp_path / "lake"), Grain.DAILY)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with report_server(lake, port) as address:
            assert f":{port}/" not in address
            assert httpx.get(address, trust_env=False).status_code == 404
