"""A Postgres and a Redis server on this machine, on free ports of 127.0.0.1 and in folders of their own.

Lives here: finding them, starting and ending them. A test that needs one which is not installed is skipped. Not here:
the object store (`s3`).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_SECONDS = 30.0


def program(name: str) -> str:
    """The path of a server's program; Debian puts those of Postgres apart."""
    apart = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(apart[-1]) if apart else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed: apt-get install redis-server postgresql")
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running_redis() -> Iterator[str]:
    """The address of an empty Redis server."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            program("redis-server"),
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            _until(lambda: _listens(port), process)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of an empty database, with the driver that Dagster uses."""
    port, user = free_port(), _user()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        if user:
            shutil.chown(folder, user)
        begin = [
            program("initdb"),
            "-D",
            str(data),
            "-U",
            "dagster",
            "--auth=trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(
            begin, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, env=_environment()
        )
        command = [
            program("postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "-k",
            folder,
            "-F",
        ]
        process = subprocess.Popen(
            command,
            user=user,
            cwd=folder,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
        try:
            _until(lambda: _is_ready(port), process)
            yield f"postgresql+psycopg2://dagster@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGQUIT)  # its own files go anyway
            process.wait(30)


def _user() -> str | None:
    """Postgres refuses to run as root."""
    if os.getuid():
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("Postgres does not run as root, and there is no user postgres")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def _is_ready(port: int) -> bool:
    command = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0


def _until(is_true: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while not is_true():
        assert process.poll() is None, f"the server ended with {process.returncode}"
        assert time.monotonic() < end, "the server does not answer"
        time.sleep(0.05)
