"""`mews-assets dev`: the Dagster UI on 127.0.0.1, on the same instance and lake as the demonstration."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_EXPORT_SECONDS = 5.0
_PATIENCE_SECONDS = 300
"""Until the first page is not announced any more; a slow machine takes a minute to start Dagster."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=3000, help="of the UI (3000)")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli import home
    from mews_assets.cli.sandbox_process import point_at, sandbox_process
    from mews_assets.defs.local import demo_environment

    home.load_dotenv()
    is_trial = not home.has_tokens(os.environ)
    trial = home.trial(home.utc_now()) if is_trial else None
    _refuse_taken(args.port)
    home.go_direct_to_loopback(os.environ)
    with ExitStack() as stack:
        stack.enter_context(_alone(home.DEMO if trial else home.DATA))
        if trial:
            settings = stack.enter_context(sandbox_process(trial, export_seconds=_EXPORT_SECONDS))
            home.use_demo()  # also where .env names a lake: no simulated hotel may be written into it
            point_at(settings, trial)
            demo_environment.freeze_env(os.environ)
            print(
                f"no MEWS_CLIENT_TOKEN set: using a sandbox at {settings['MEWS_PLATFORM_ADDRESS']} and {home.DEMO}",
                flush=True,
            )
        _refuse_wrong_settings()
        _serve_report(stack, args.port + 1)
        home.prepare(home.DEMO if trial else home.DATA)
        threading.Thread(target=_show_first_page, args=(args.port,), daemon=True).start()
        return _serve(args.port)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the lock of this instance: the daemon of a second `dev` would launch the same runs once more."""
    from filelock import FileLock, Timeout

    from mews_assets.cli.home import HomeError

    data.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data / "dev.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise HomeError(f"another `mews-assets dev` runs on {data}: use its UI, or end it first") from None
    try:
        yield
    finally:
        lock.release()


def _refuse_taken(port: int) -> None:
    """Dagster would start without its UI, or on another port, and with a second daemon."""
    from mews_assets.cli.home import HomeError

    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise HomeError(
                f"the UI cannot listen on port {port}: {error}. Choose another: --port 3001"
            ) from None


def _refuse_wrong_settings() -> None:
    """Report wrong settings here, before three Dagster processes fail on them."""
    from mews_assets.clients import client_of
    from mews_assets.lake.storage.lake import find_lake
    from mews_assets.settings import read_privacy, read_settings

    settings = read_settings(os.environ)
    find_lake(settings.lake, settings.grain, read_privacy(os.environ))
    for connection in settings.connections:
        with client_of(settings, connection):
            pass  # the variable that names its token is set


def _serve_report(stack: ExitStack, port: int) -> None:
    """Serve the report beside the UI, whose pages link to it, unless it is served elsewhere."""
    from mews_assets.cli.report_server import report_server
    from mews_assets.lake.storage.lake import open_lake
    from mews_assets.settings import SERVED_REPORT, read_settings

    settings = read_settings(os.environ)
    if not settings.report_url:
        lake = open_lake(settings.lake, settings.grain)
        os.environ[SERVED_REPORT] = stack.enter_context(report_server(lake, port))


def _show_first_page(port: int) -> None:
    """Name the page to begin with once the server answers, and open it where there is a desktop."""
    import webbrowser

    import httpx

    from mews_assets.defs.assets.start_here import page
    from mews_assets.settings import read_settings

    address = f"http://127.0.0.1:{port}"
    first = f"{address}{page(read_settings(os.environ))}"
    for _ in range(_PATIENCE_SECONDS):
        with suppress(httpx.TransportError):
            if httpx.get(f"{address}/server_info", trust_env=False).is_success:
                print(f"the UI is at {address}. Begin with {first} (Ctrl-C ends it)", flush=True)
                if _has_desktop(sys.platform, os.environ):
                    webbrowser.open(first)
                return
        time.sleep(1)


def _has_desktop(platform: str, environment: Mapping[str, str]) -> bool:
    """Whether a browser that somebody sees can be opened: not over SSH, and not in a container or a test."""
    if any(environment.get(name) for name in ("SSH_CONNECTION", "CI", "PYTEST_CURRENT_TEST")):
        return False
    is_windowed = bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
    return platform in ("darwin", "win32") or is_windowed


def _serve(port: int) -> int:
    """Run `dagster dev` until it ends, or until this process gets SIGINT or SIGTERM."""
    from mews_assets.cli.home import WORKSPACE_YAML, here_or_installed

    # Dagster's advice to use another command concerns the developers of this command, not its users.
    python = [sys.executable, "-W", "ignore:Function `dev_command` is superseded"]
    command = [*python, "-m", "dagster", "dev", "--workspace", str(here_or_installed(WORKSPACE_YAML))]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    # In the background of a script this process ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command)

    def end(signum: int, frame: object) -> None:
        process.send_signal(signal.SIGINT)  # dagster dev ends its children on SIGINT only

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, end)
    return process.wait()
