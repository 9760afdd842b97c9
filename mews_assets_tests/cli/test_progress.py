"""The progress of long work: a bar on a terminal, and few lines elsewhere."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys

import pytest

from mews_assets.cli.progress import FIRST_SECONDS, NEXT_SECONDS, ProgressLines, shown_progress


class Watched:
    """Work whose time passes as the test says."""

    def __init__(self) -> None:
        self.lines, self.now = list[str](), 0.0
        self.progress = ProgressLines(self.lines.append, lambda: self.now)

    def at(self, seconds: float, part: str, done: int, total: int) -> None:
        self.now = seconds
        self.progress(part, done, total)


def test_short_work_says_nothing() -> None:
    watched = Watched()
    for done in range(101):
        watched.at(done * FIRST_SECONDS / 200, "searching", done, 100)
    assert watched.lines == []


def test_long_work_says_how_far_it_is_and_how_long_the_rest_takes() -> None:
    watched = Watched()
    for done in range(1001):
        watched.at(float(done), "searching", done, 1000)
    assert watched.lines[0] == "searching: 5 of 1,000, about 16 min left"
    assert watched.lines[1] == f"searching: {5 + NEXT_SECONDS:.0f} of 1,000, about 16 min left"
    assert len(watched.lines) == 34 and "1,000 of" not in watched.lines[-1]


def test_each_part_begins_anew_and_lines_stay_apart() -> None:
    watched = Watched()
    watched.at(0, "erasing", 0, 2)
    watched.at(6, "erasing", 1, 2)
    watched.at(7, "searching", 0, 10)
    watched.at(13, "searching", 3, 10)
    watched.at(37, "searching", 5, 10)
    assert watched.lines == [
        "erasing: 1 of 2, less than a minute left",
        "searching: 5 of 10, less than a minute left",
    ]


def test_without_a_terminal_standard_output_stays_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as progress:
        progress("searching", 0, 2)
        print("a result")
        progress("searching", 2, 2)
    assert capsys.readouterr() == ("a result\n", "")


def test_on_a_terminal_there_is_a_bar_and_lines_stand_above_it() -> None:
    own, other = pty.openpty()
    code = (
        "from mews_assets.cli.progress import shown_progress\n"
        "with shown_progress() as progress:\n"
        "    progress('searching files', 1, 4)\n"
        "    print('a line', flush=True)\n"
        "    progress('searching files', 3, 4)\n"
    )
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=other, stderr=other, env=environment)
    os.close(other)
    shown = ""
    while select.select([own], [], [], 0.1)[0] or process.poll() is None:
        try:
            shown += os.read(own, 4096).decode("utf-8", "replace")
        except OSError:
            break
    os.close(own)
    assert process.wait(60) == 0
    assert "searching files" in shown and "3/4" in shown and "a line" in shown
