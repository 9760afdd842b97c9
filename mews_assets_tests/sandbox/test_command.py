"""The command: one line that says how to get in, and a clean stop."""

import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from mews_assets.sandbox.running import running_sandbox
from mews_assets_tests.sandbox.made import NORTH, Client, hotels, made_id


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    bill = {"Id": made_id("b"), "EnterpriseId": NORTH, "UpdatedUtc": "2024-06-01T00:00:00Z"}
    (folder / "Bill.jsonl").write_bytes(msgspec.json.encode(bill) + b"\n")
    return folder


def start(tmp_path, *options):
    command = [sys.executable, "-m", "mews_assets.sandbox", *options]
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"TMPDIR": str(scratch)}
    )


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_stops_without_leaving_anything(tmp_path, data, sign):
    process = start(tmp_path, "--data", str(data), "--now", "2024-06-15T12:00:00Z")
    line = process.stdout.readline()
    try:
        found = re.fullmatch(
            r"sandbox listening: address=(http://127\.0\.0\.1:\d+) client_token=sandbox-client "
            r"access_token=sandbox-portfolio hotel_tokens=sandbox-hotel-1 now=2024-06-15T12:00:\S+Z\n",
            line,
        )
        assert found, line
        assert list((tmp_path / "scratch").iterdir())
    finally:
        process.send_signal(sign)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_it_can_be_stopped_while_it_is_still_loading(tmp_path):
    process = start(tmp_path, "--hotels", "9", "--days", "300")
    scratch = tmp_path / "scratch"
    while not list(scratch.iterdir()):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "", "")
    assert list(scratch.iterdir()) == []


def test_records_that_cannot_be_read_end_it_with_a_sentence(tmp_path, data):
    (data / "Bill.jsonl").write_bytes(b"{")
    process = start(tmp_path, "--data", str(data))
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert "Bill.jsonl, line 1" in err
    assert "Traceback" not in err


def test_a_port_in_use_is_told(tmp_path, data):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = start(tmp_path, "--data", str(data), "--port", port)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err


def test_a_client_that_keeps_its_connection_does_not_hold_up_the_stop():
    with running_sandbox(hotels()) as sandbox:
        client = Client(sandbox)
        client.page("enterprises/getAll")
        folder = Path(sandbox.sandbox.exports._folder)
        assert folder.exists()
    assert not folder.exists()


@pytest.mark.parametrize(("options", "found"), [((), []), (("--intervals", "inclusive"), [made_id("b")])])
def test_it_reads_intervals_half_open_unless_told_otherwise(tmp_path, data, options, found):
    process = start(tmp_path, "--data", str(data), "--now", "2024-06-15T12:00:00Z", *options)
    told = dict(part.split("=", 1) for part in process.stdout.readline().split()[2:])
    try:
        until = {"StartUtc": "2024-05-31T00:00:00Z", "EndUtc": "2024-06-01T00:00:00Z"}  # the bill's stamp
        tokens = {
            "ClientToken": told["client_token"],
            "AccessToken": told["access_token"],
            "Client": "tests 1",
        }
        body = {**tokens, "BillIds": [made_id("b")], "UpdatedUtc": until, "Limitation": {"Count": 10}}
        answer = httpx.post(f"{told['address']}/api/connector/v1/bills/getAll", json=body).json()
        assert [bill["Id"] for bill in answer["Bills"]] == found
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@pytest.mark.slow
def test_a_stop_signal_is_not_lost_at_whichever_moment_of_the_wait_it_comes():
    """As a handler that sets an event it hung in one of some hundred tries, which looked like a slow machine."""
    tries = """
        import random, signal, threading
        from mews_assets.sandbox.command import StopSignals
        main = threading.main_thread().ident

        def send(ready):
            ready.wait()
            for _ in range(random.randrange(60)): pass
            signal.pthread_kill(main, signal.SIGINT)

        for _ in range(3000):
            with StopSignals() as stop:
                ready = threading.Event()
                sender = threading.Thread(target=send, args=[ready], daemon=True)
                sender.start()
                ready.set()
                stop.wait()
                sender.join()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(tries)], check=True, timeout=60)


@pytest.mark.slow
def test_it_serves_pages_of_ledger_entries_if_told_to(tmp_path, data):
    process = start(tmp_path, "--data", str(data), "--now", "2024-06-15T12:00:00Z", "--ledger-pages")
    told = dict(part.split("=", 1) for part in process.stdout.readline().split()[2:])
    try:
        tokens = {"ClientToken": told["client_token"], "AccessToken": told["access_token"], "Client": "tests"}
        asked = {"LedgerTypes": ["Tax"], "PostingDate": {"Start": "2024-06-01", "End": "2024-06-01"}}
        body = {**tokens, **asked, "Limitation": {"Count": 10}}
        answer = httpx.post(f"{told['address']}/api/connector/v1/ledgerEntries/getAll", json=body)
        assert answer.json() == {"LedgerEntries": [], "Cursor": None}
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
