"""`mews-assets init` on a terminal: a real one, with the sandbox as Mews."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dotenv
import pytest

from mews_assets.cli import main
from mews_assets.sandbox.running import RunningSandbox
from mews_assets_tests.cli.stage import told

pytestmark = pytest.mark.usefixtures("elsewhere")
CODE = "import sys; from mews_assets.cli import main; sys.exit(main(['init']))"


class Terminal:
    """A command on a terminal: what it shows, and answers typed when it asks."""

    def __init__(self) -> None:
        self.own, other = pty.openpty()
        environment = {**os.environ, "TERM": "dumb", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE],
            stdin=other,
            stdout=other,
            stderr=other,
            env=environment,
            start_new_session=True,
        )
        os.close(other)
        self.shown, self.read_until = "", 0

    def answer(self, question: str, text: str) -> None:
        """Wait for the question, and type."""
        self.wait_for(question)
        os.write(self.own, f"{text}\n".encode())

    def wait_for(self, text: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while text not in self.shown[self.read_until :]:
            assert time.monotonic() < until, f"{text!r} is not asked: {self.shown}"
            if select.select([self.own], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.own, 4096).decode("utf-8", "replace")
                except OSError:  # the command has ended
                    assert text in self.shown[self.read_until :], self.shown
        self.read_until = self.shown.index(text, self.read_until) + len(text)

    def ends_with(self, code: int) -> None:
        while select.select([self.own], [], [], 0.1)[0] or self.process.poll() is None:
            try:
                self.shown += os.read(self.own, 4096).decode("utf-8", "replace")
            except OSError:
                break
        assert self.process.wait(60) == code, self.shown


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.process.kill()
    os.close(made.own)


def test_the_answers_are_tried_and_written_for_their_owner_alone(
    mews: RunningSandbox, terminal: Terminal
) -> None:
    terminal.answer("Address of Mews", mews.address)
    terminal.answer("Name and version", "Acme 1.0")
    terminal.answer("Client token", mews.client_token)
    terminal.answer("Access token", "wrong-token")
    terminal.answer("First day to fetch", "soon")
    terminal.answer("MEWS_START_DATE is 'soon'", "2025-03-07")
    terminal.answer("Folder or URI", "")
    terminal.answer("Ask for address and tokens again?", "")
    terminal.answer("Address of Mews", "")
    terminal.answer("Name and version", "")
    terminal.answer("Client token", mews.client_token)
    terminal.answer("Access token", mews.access_token)
    terminal.wait_for("2 hotels")
    terminal.ends_with(0)
    assert mews.client_token not in terminal.shown and mews.access_token not in terminal.shown
    file = Path(".env")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert dotenv.dotenv_values(file) == {
        "MEWS_PLATFORM_ADDRESS": mews.address,
        "MEWS_CLIENT": "Acme 1.0",
        "MEWS_CLIENT_TOKEN": mews.client_token,
        "MEWS_ACCESS_TOKEN": mews.access_token,
        "MEWS_START_DATE": "2025-03-07",
        "MEWS_LAKE": "data/lake",
    }


@pytest.mark.slow
def test_without_an_answer_of_mews_nothing_is_written_unless_somebody_insists(terminal: Terminal) -> None:
    for question, answer in (
        ("Address of Mews", "http://127.0.0.1:9"),
        ("Name and version", ""),
        ("Client token", "a token with $HOME and \\ in it"),
        ("Access token", ""),
        ("is empty\r\nAccess token", "b"),
        ("First day to fetch", ""),
        ("Folder or URI", ""),
        ("Ask for address and tokens again?", "n"),
        ("nevertheless?", "y"),
    ):
        terminal.answer(question, answer)
    terminal.ends_with(0)
    assert dotenv.dotenv_values(".env")["MEWS_CLIENT_TOKEN"] == "a token with $HOME and \\ in it"


def test_without_a_terminal_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs a terminal: copy .env.example" in told(capsys, main(["init"]))


@pytest.mark.slow
def test_a_file_that_is_there_stays_as_it_is(terminal: Terminal) -> None:
    Path(".env").write_text("MINE=1\n")
    terminal.wait_for(".env exists: nothing was asked")
    terminal.ends_with(1)
    assert Path(".env").read_text() == "MINE=1\n"


def test_the_folder_of_a_deployment_and_its_kind_belong_together() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["init", "somewhere"])
    assert ended.value.code == 2


def test_help_imports_no_command() -> None:
    code = "import sys; from mews_assets.cli import main\ntry: main(['--help'])\n"
    code += "finally: print(sorted(one for one in sys.modules if one.startswith('mews_assets')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert re.search(r"\['mews_assets', 'mews_assets.cli'\]\s*$", done.stdout), done.stdout
