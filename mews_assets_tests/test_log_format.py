"""JSON logs: one object per line, with the run it belongs to, and without secrets."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mews_assets.log_format import JsonFormatter, json_handler, read_log
from mews_assets.settings import SettingError

TOKEN = "C66EF7B239D24632943D115EDE9CB810-EA00F8FD8294692C940F6B5A8F9453D"


def line(record: logging.LogRecord, *secrets: str) -> dict[str, object]:
    text = JsonFormatter(secrets).format(record)
    assert "\n" not in text
    return dict(json.loads(text))


def record(message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("mews_assets.api", logging.WARNING, __file__, 1, message, args, None)


def test_a_record_is_one_line_whatever_its_message_holds() -> None:
    found = line(record('two\nlines, "quotes" and %s', "Žižkov"))
    assert found["message"] == 'two\nlines, "quotes" and Žižkov'
    assert (found["level"], found["logger"]) == ("warning", "mews_assets.api")
    assert str(found["time"]).endswith("+00:00")


def test_an_error_has_its_stack_in_the_same_line() -> None:
    try:
        raise ValueError(f"no {TOKEN}")
    except ValueError:
        one = record("failed")
        one.exc_info = sys.exc_info()
    found = line(one, TOKEN)
    assert "ValueError: no ***" in str(found["error"])


def test_secrets_links_and_bodies_are_hidden() -> None:
    body = f'{{"ClientToken": "x", "AccessToken": "{TOKEN}"}}'
    message = f"{TOKEN} https://files.example/a.json?sig=abc {body}"
    found = str(line(record("%s", message), TOKEN)["message"])
    assert TOKEN not in found
    assert "sig=abc" not in found
    assert found.startswith("*** https://files.example/a.json?***")


def test_the_secrets_of_the_environment_are_known_to_the_handler() -> None:
    formatter = json_handler({"MEWS_ACCESS_TOKEN_PRAGUE": TOKEN}).formatter
    assert formatter is not None
    assert TOKEN not in formatter.format(record(f"with {TOKEN}"))


def test_a_setting_that_is_neither_is_refused() -> None:
    assert read_log({"MEWS_LOG": " JSON "})
    assert not read_log({"MEWS_LOG": "text"})
    with pytest.raises(SettingError, match="accepted are json and text"):
        read_log({"MEWS_LOG": "yes"})


RUN = """
import dagster as dg
from mews_assets.defs.base.run_console import use_json_console
use_json_console()
@dg.op
def work(context):
    context.log.info("worked on it")
    raise ValueError("and failed")
@dg.job(executor_def=dg.in_process_executor)
def example():
    work()
example.execute_in_process(raise_on_error=False)
"""


@pytest.mark.slow
def test_what_a_run_writes_to_the_console_is_json(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env={**os.environ, "MEWS_LOG": "json"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(one) for one in done.stderr.splitlines()]
    (ours,) = [one for one in lines if one["message"].endswith("worked on it")]
    assert (ours["job_name"], ours["step_key"], ours["level"]) == ("example", "work", "info")
    assert len(ours["run_id"]) == 36
    assert any("and failed" in json.dumps(one) for one in lines)
