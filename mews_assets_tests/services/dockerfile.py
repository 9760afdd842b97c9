"""The commands of the Dockerfile, run without Docker: in two clean environments, with its paths below a folder.

    python -m mews_assets_tests.services.dockerfile        some minutes: it installs all that the image has

Lives here: reading the instructions, and running them as the image's user would. Skipped is what only root in an image
may do: packages of the system and its user.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from mews_assets_tests import ROOT

DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
PLACES = ("/wheels", "/srv/dagster", "/srv/lake", "/source")
OF_THE_SYSTEM = re.compile(r"\b(apt-get|useradd|rm -rf /var)\b")


def instructions() -> list[tuple[str, str]]:
    """The instructions in order, each with its arguments in one line."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (name, rest.strip())
        for name, _, rest in (line.partition(" ") for line in joined.splitlines())
        if name
    ]


def below(folder: Path, text: str) -> str:
    """The text with the image's paths below a folder."""
    for place in PLACES:
        text = re.sub(rf"(?<![\w.$-]){place}\b", f"{folder}{place}", text)
    return text


def run_all(folder: Path) -> None:
    environment, here = dict(os.environ), folder
    for name, rest in instructions():
        text = below(folder, rest)
        if name == "FROM":
            venv = folder / f"stage-{len(list(folder.glob('stage-*')))}"
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            environment["PATH"] = f"{venv / 'bin'}:{os.environ['PATH']}"
        elif name == "WORKDIR":
            here = Path(text)
            here.mkdir(parents=True, exist_ok=True)
        elif name == "ENV":
            environment.update(part.split("=", 1) for part in shlex.split(text))
        elif name == "COPY":
            _copy(shlex.split(rest), here, folder)
        elif name == "RUN":
            commands = [one for one in text.split(" && ") if not OF_THE_SYSTEM.search(one)]
            command = " && ".join(commands).replace("-o mews -g mews ", "")
            if command:
                print(f"{name} {command}", flush=True)
                subprocess.run(command, shell=True, check=True, cwd=here, env=environment)
        elif name == "CMD":
            subprocess.run([*json.loads(text), "--help"], check=True, cwd=here, env=environment)


def _copy(words: list[str], here: Path, folder: Path) -> None:
    """From an earlier stage, all is where it was; from the project, what git knows is copied."""
    if words[0].startswith("--from"):
        return
    source, target = words
    place = here if target == "." else Path(below(folder, target))
    if source != ".":
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / source).read_bytes())
        return
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", place], input=archive, check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        run_all(Path(temporary))
    print("every command of the Dockerfile ended well")
