"""`mews-assets health PROCESS`: whether a process of Dagster is well, for a container's probe.

One JSON object on standard output; exit code 0 if it is well, 1 if not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time

PORTS = {"webserver": 3000, "code": 4000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("process", choices=("daemon", "webserver", "code", "worker"))
    parser.add_argument("--port", type=int, help="of the web server (3000) or the code server (4000)")
    parser.add_argument("--host", default="", help="whose workers are asked; default: this machine")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import HomeError, dagster_home, load_dotenv
    from mews_assets.defs.production import health

    load_dotenv()
    port = args.port or PORTS.get(args.process, 0)
    if args.process == "webserver":
        found = health.check_webserver(port)
    elif args.process == "code":
        found = health.check_code(port)
    else:
        if not (home := dagster_home()):
            raise HomeError("DAGSTER_HOME is not set: set it as it is for the process")
        os.environ["DAGSTER_HOME"] = home
        found = (
            health.check_daemon(time.time()) if args.process == "daemon" else health.check_worker(args.host)
        )
    print(json.dumps(dataclasses.asdict(found)))
    return 0 if found.healthy else 1
