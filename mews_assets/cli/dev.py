"""`mews-assets dev`: the Dagster UI on 127.0.0.1, on the same instance and lake as the demonstration."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import ExitStack

_EXPORT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=3000, help="of the UI (3000)")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli import home
    from mews_assets.cli.sandbox_process import point_at, sandbox_process
    from mews_assets.settings import read_settings

    home.load_dotenv()
    os.environ.setdefault("MEWS_LAKE", str((home.DATA / "lake").absolute()))
    is_trial = not home.has_tokens(os.environ)
    trial = home.trial(home.utc_now()) if is_trial else None
    with ExitStack() as stack:
        if trial:
            settings = stack.enter_context(sandbox_process(trial, export_seconds=_EXPORT_SECONDS))
            point_at(settings, trial)
            print(
                f"no MEWS_CLIENT_TOKEN set: using a sandbox at {settings['MEWS_PLATFORM_ADDRESS']}",
                flush=True,
            )
        read_settings(os.environ)  # a wrong setting is told here, before three processes tell it
        home.prepare()
        print(f"the UI opens at http://127.0.0.1:{args.port} (Ctrl-C ends it)", flush=True)
        return _serve(args.port)


def _serve(port: int) -> int:
    """Run `dagster dev` until it ends or this process is told to end."""
    command = [sys.executable, "-m", "dagster", "dev", "--host", "127.0.0.1", "--port", str(port)]
    # Started in the background of a script, this process ignores SIGINT, and its children would as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command)

    def end(signum: int, frame: object) -> None:
        process.send_signal(signal.SIGINT)  # dagster dev ends its children on SIGINT only

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, end)
    return process.wait()
