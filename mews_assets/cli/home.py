"""The project's home on this machine: the folder `data`, where lake and Dagster instance are.

Lives here: preparing that folder, and the environment that points Dagster and the settings at it. The
demonstration has a folder of its own in it, so that no simulated hotel ever stands beside a real one, and
`make clean` takes nothing away that Mews would not give twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

DATA = Path("data")
DEMO = DATA / "demo"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
DAGSTER_YAML = Path("dagster.yaml")
WORKSPACE_YAML = Path("workspace.yaml")
_DEPLOY = Path(__file__).parents[1] / "deploy"
_SANDBOX_DAYS = 34
_SANDBOX_KEEPS = timedelta(days=25)
"""The simulation knows 30 days of the future; past that the sandbox would stand still."""


class HomeError(RuntimeError):
    """The home cannot be used as it is."""


@dataclass(frozen=True)
class Trial:
    """The sandbox of this home: the same hotels live on in it from one start to the next."""

    began: datetime
    hotels: int = 3
    days: int = _SANDBOX_DAYS
    seed: int = 1

    @property
    def start_date(self) -> str:
        """The first day whose 31 windows the demonstration fetches."""
        return (self.began - timedelta(days=31)).date().isoformat()


def prepare(data: Path = DATA) -> Path:
    """Make the Dagster home and its instance. Returns the Dagster home.

    One process makes it before any other opens it: two that open a fresh one race.
    """
    home = (data / "dagster").absolute()
    home.mkdir(parents=True, exist_ok=True)
    config = home / DAGSTER_YAML.name
    if not config.exists():
        config.unlink(missing_ok=True)  # a link to where the project stood before it was moved
        config.symlink_to(here_or_installed(DAGSTER_YAML))
    os.environ["DAGSTER_HOME"] = str(home)
    import dagster as dg

    with dg.DagsterInstance.get():
        return home


def here_or_installed(file: Path) -> Path:
    """The file in this folder, or else the one that the installed package brings."""
    return file.absolute() if file.exists() else (_DEPLOY / file).resolve()


def trial(now: datetime, data: Path = DEMO) -> Trial:
    """This home's sandbox, made up at the first call. Raises HomeError when it is too old or unreadable."""
    file = data / "sandbox.json"
    if not file.exists():
        data.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"began": now.replace(microsecond=0).isoformat()}))
    try:
        began = datetime.fromisoformat(json.loads(file.read_text())["began"])
        age = now - began
    except (ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{file} does not say when this home's sandbox began ({error!r}). Remove the folder {data} to begin anew"
        ) from None
    if age > _SANDBOX_KEEPS:
        raise HomeError(
            f"the sandbox in {data} is of {began:%Y-%m-%d}, and its hotels' life ends 30 days later. "
            f"Remove the folder {data} to begin anew"
        )
    return Trial(began)


def has_tokens(environment: Mapping[str, str]) -> bool:
    """Whether real tokens are set, so that no sandbox is wanted."""
    return bool(environment.get("MEWS_CLIENT_TOKEN", "").strip())


def is_demo(environment: Mapping[str, str]) -> bool:
    """Whether the lake that is set is the demonstration's."""
    from mews_assets.settings import SettingError, read_lake

    try:
        return Path(read_lake(environment)).absolute() == (DEMO / "lake").absolute()
    except SettingError:  # who reads it next says what is wrong
        return False


def dagster_home() -> str:
    """Where Dagster's own processes look, or the home beside the lake that is set; empty where there is neither."""
    made = ((DEMO if is_demo(os.environ) else DATA) / "dagster").absolute()
    return os.environ.get("DAGSTER_HOME", "").strip() or (str(made) if made.is_dir() else "")


def load_dotenv() -> None:
    """Take settings from `.env`, without overriding what the environment says.

    Where neither says which lake, and there are no tokens, it is the demonstration's, if it was made.
    """
    import dotenv

    try:
        dotenv.load_dotenv(Path(".env"))
    except (UnicodeDecodeError, ValueError) as error:
        raise HomeError(f".env cannot be read: {error}. Write it as UTF-8") from None
    is_unsaid = not os.environ.get("MEWS_LAKE", "").strip() and not has_tokens(os.environ)
    if is_unsaid and (DEMO / "lake").is_dir() and not (DATA / "lake").exists():
        use_demo()


def go_direct_to_loopback(environment: MutableMapping[str, str]) -> None:
    """Let no program that this one starts ask a proxy about this machine, whatever else the environment says."""
    before = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    given = [one.strip() for one in before.split(",") if one.strip()]
    wanted = ",".join(dict.fromkeys([*given, *LOOPBACK]))
    environment["no_proxy"] = environment["NO_PROXY"] = wanted


def use_demo() -> None:
    """Let this process and its children use the demonstration's lake."""
    os.environ["MEWS_LAKE"] = str((DEMO / "lake").absolute())


def utc_now() -> datetime:
    return datetime.now(UTC)
