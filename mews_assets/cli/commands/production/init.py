"""`mews-assets init`: the first `.env`; with `--production KIND FOLDER` the Dagster configuration of a deployment.

Nothing is overwritten: if one of the files is there, none is written. Not here: the questions (`cli.first_settings`).
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

LAID: dict[str, dict[str, str]] = {
    "single": {"dagster.yaml": "dagster.yaml", "workspace.yaml": "workspace.yaml"},
    "celery": {
        "dagster.celery.yaml": "dagster.yaml",
        "celery.yaml": "celery.yaml",
        "workspace.yaml": "workspace.yaml",
    },
    "kubernetes": {"dagster.k8s.yaml": "dagster.yaml", "workspace.yaml": "workspace.yaml"},
}
"""By kind of deployment: files of the package, and their names in the folder."""
NEXT = {
    "single": "start `dagster instance migrate` once, then webserver and daemon, with DAGSTER_HOME={folder}",
    "celery": "set DAGSTER_POSTGRES_URL, CELERY_BROKER and CELERY_BACKEND, then as docs/production.md says",
    "kubernetes": "set DAGSTER_POSTGRES_URL; with Dagster's Helm chart use deploy/kubernetes/values.yaml instead",
}


_LOGS = re.compile(r"s3://[a-z0-9][a-z0-9.-]*/[A-Za-z0-9._/-]*[A-Za-z0-9][A-Za-z0-9._/-]*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--production",
        choices=sorted(LAID),
        help="lay the Dagster configuration of a deployment instead: runs on one machine, Celery, Kubernetes",
    )
    parser.add_argument(
        "folder", nargs="?", help="with --production: DAGSTER_HOME of the deployment, made if it is not there"
    )
    parser.add_argument(
        "--logs",
        metavar="s3://BUCKET/PREFIX",
        help="with --production: where the output of runs is kept, for the UI on another machine",
    )
    parser.set_defaults(refuse=parser.error)


def run(args: argparse.Namespace) -> int:
    if (args.production is None) != (args.folder is None):
        args.refuse("--production and the folder belong together")
    if args.logs is not None and (args.production is None or not _LOGS.fullmatch(args.logs)):
        args.refuse("--logs is s3://BUCKET/PREFIX, and belongs to --production")
    if args.production is None:
        from mews_assets.cli.first_settings import ask_and_write
        from mews_assets.cli.home import utc_now

        ask_and_write(utc_now())
        return 0
    return _lay(args)


def _compute_logs(place: str) -> str:
    """The lines of dagster.yaml that keep the output of runs in S3, every 30 s what was written until then."""
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    config = f"{{bucket: {bucket}, prefix: {prefix.strip('/')}, upload_interval: 30}}"
    return (
        "\ncompute_logs:\n  module: dagster_aws.s3.compute_log_manager\n  class: S3ComputeLogManager\n"
        f"  config: {config}\n"
    )


def _lay(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import DEPLOY, HomeError

    folder = Path(args.folder)
    files = {folder / laid: (DEPLOY / name).read_bytes() for name, laid in LAID[args.production].items()}
    if args.logs is not None:
        files[folder / "dagster.yaml"] += _compute_logs(args.logs).encode()
    if standing := [str(file) for file in files if file.exists() or file.is_symlink()]:
        raise HomeError(
            f"{', '.join(standing)} exists: nothing was written. Choose another folder, or move it away"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        with file.open("xb") as target:
            target.write(content)
        print(file)
    print(NEXT[args.production].format(folder=folder.absolute()))
    return 0
