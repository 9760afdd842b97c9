"""`mews-assets init --production KIND FOLDER`: the Dagster configuration of a deployment, laid into a folder.

Nothing is overwritten: if one of the files is there, none is written.
"""

from __future__ import annotations

import argparse
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--production",
        choices=sorted(LAID),
        required=True,
        help="where runs go: one machine, Celery, Kubernetes",
    )
    parser.add_argument("folder", help="DAGSTER_HOME of the deployment, made if it is not there")


def run(args: argparse.Namespace) -> int:
    from mews_assets.cli.home import DEPLOY, HomeError

    folder = Path(args.folder)
    files = {folder / laid: (DEPLOY / name).read_bytes() for name, laid in LAID[args.production].items()}
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
