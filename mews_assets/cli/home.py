"""The folder `data` on this machine, with the lake and the Dagster instance.

Lives here: preparing that folder, and the environment variables that point Dagster and the settings at it. The
demonstration has its own folder in it, so that simulated and real hotels never share a lake, and `make clean` removes
nothing that Mews would not send again.
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
DEPLOY = Path(__file__).parents[1] / "deploy"
_SANDBOX_DAYS = 34
_SANDBOX_KEEPS = timedelta(days=25)
"""The simulation has 30 days of the future; after that nothing new would happen in the sandbox."""


class HomeError(RuntimeError):
    """The folder, an argument or a file cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Trial:
    """The sandbox of this folder: the same hotels and the same simulated time from one start to the next."""

    began: datetime
    hotels: int = 3
    days: int = _SANDBOX_DAYS
    seed: int = 1

    @property
    def start_date(self) -> str:
        """The first day whose 31 windows the demonstration fetches."""
        return (self.began - timedelta(days=31)).date().isoformat()


def prepare(data: Path = DATA) -> Path:
    """Create the Dagster home and its instance. Returns the Dagster home.

    One process creates it before others open it: two processes that open a new instance race.
    """
    home = (data / "dagster").absolute()
    home.mkdir(parents=True, exist_ok=True)
    config = home / DAGSTER_YAML.name
    if not config.exists():
        config.unlink(missing_ok=True)  # a broken link, after the project was moved
        config.symlink_to(here_or_installed(DAGSTER_YAML))
    os.environ["DAGSTER_HOME"] = str(home)
    import dagster as dg

    with dg.DagsterInstance.get():
        return home


def here_or_installed(file: Path) -> Path:
    """The file in this folder, or else the one that the installed package brings."""
    return file.absolute() if file.exists() else (DEPLOY / file).resolve()


def trial(now: datetime, data: Path = DEMO) -> Trial:
    """The sandbox of this folder, created by the first call. Raises HomeError if it is too old or unreadable."""
    file = data / "sandbox.json"
    if not file.exists():
        data.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"began": now.replace(microsecond=0).isoformat()}))
    try:
        began = datetime.fromisoformat(json.loads(file.read_text())["began"])
        age = now - began
    except (ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{file} does not say when its sandbox began ({error!r}). Remove the folder {data} to start again"
        ) from None
    if age > _SANDBOX_KEEPS:
        raise HomeError(
            f"the sandbox in {data} is of {began:%Y-%m-%d}, and its simulation ends 30 days later. "
            f"Remove the folder {data} to start again"
        )
    return Trial(began)


def has_tokens(environment: Mapping[str, str]) -> bool:
    """Whether real tokens are set, so that no sandbox is needed."""
    from mews_assets.secret_variables import is_secret_set

    return is_secret_set(environment, "MEWS_CLIENT_TOKEN")


def is_demo(environment: Mapping[str, str]) -> bool:
    """Whether MEWS_LAKE is the demonstration's lake."""
    from mews_assets.settings import SettingError, read_lake

    try:
        return Path(read_lake(environment)).absolute() == (DEMO / "lake").absolute()
    except SettingError:  # reported by the code that reads the settings
        return False


def dagster_home() -> str:
    """DAGSTER_HOME, or the home beside the lake that is set; empty if there is neither."""
    made = ((DEMO if is_demo(os.environ) else DATA) / "dagster").absolute()
    return os.environ.get("DAGSTER_HOME", "").strip() or (str(made) if made.is_dir() else "")


def load_dotenv() -> None:
    """Read settings from `.env`, without overriding the environment.

    If neither sets MEWS_LAKE, and there are no tokens, the demonstration's lake is used, if it exists.
    """
    import dotenv

    try:
        dotenv.load_dotenv(Path(".env"))
    except (UnicodeDecodeError, ValueError) as error:
        raise HomeError(f".env cannot be read: {error}. Write it as UTF-8") from None
    is_unset = not os.environ.get("MEWS_LAKE", "").strip() and not has_tokens(os.environ)
    if is_unset and (DEMO / "lake").is_dir() and not (DATA / "lake").exists():
        use_demo()


def go_direct_to_loopback(environment: MutableMapping[str, str]) -> None:
    """Exempt this machine from proxies, for all programs that this process starts."""
    before = environment.get("no_proxy", environment.get("NO_PROXY", ""))
    given = [host.strip() for host in before.split(",") if host.strip()]
    wanted = ",".join(dict.fromkeys([*given, *LOOPBACK]))
    environment["no_proxy"] = environment["NO_PROXY"] = wanted


def use_demo() -> None:
    """Use the demonstration's lake in this process and its children."""
    os.environ["MEWS_LAKE"] = str((DEMO / "lake").absolute())


def utc_now() -> datetime:
    return datetime.now(UTC)
