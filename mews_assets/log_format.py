"""JSON logs: one object per line and record, where MEWS_LOG is json.

Lives here: MEWS_LOG, the format of a line, and setting it up for a process. Not here: the console of Dagster's runs
(`defs.base.run_console`), and which texts are secrets (`api.redaction` knows links and bodies).
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from mews_assets.api.redaction import redact
from mews_assets.lake_location import SettingError

LOG = "MEWS_LOG"
_SECRET_NAMES = ("MEWS_CLIENT_TOKEN", "MEWS_ACCESS_TOKEN", "MEWS_PII_KEY")
_OF_RUN = ("run_id", "job_name", "step_key")
"""What Dagster knows about a record of a run."""


def read_log(environment: Mapping[str, str]) -> bool:
    """Whether logs are JSON. Raises SettingError."""
    given = environment.get(LOG, "").strip().lower()
    if given not in ("", "text", "json"):
        raise SettingError(f"{LOG} is {given[:40]!r}; accepted are json and text")
    return given == "json"


class JsonFormatter(logging.Formatter):
    """A record as one line: when, how grave, which logger, what; with its run, and the error's stack if it has one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._hide(record.getMessage()),
            "process": record.process,
        }
        of_run = getattr(record, "dagster_meta", None) or {}
        line.update({name: of_run[name] for name in _OF_RUN if of_run.get(name)})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self._hide(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)

    def _hide(self, text: str) -> str:
        return redact(text, self._secrets)


def json_handler(environment: Mapping[str, str]) -> logging.Handler:
    """Writes JSON to standard error, without the secrets of the environment."""
    names = [name for name in environment if name.startswith(_SECRET_NAMES) and not name.endswith("_FILE")]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(environment[name].strip() for name in names))
    return handler


def log_to_terminal(level: int = logging.INFO) -> None:
    """The log of a command: plain lines, or JSON where that is set. Raises SettingError."""
    if read_log(os.environ):
        logging.basicConfig(level=level, handlers=[json_handler(os.environ)], force=True)
    else:
        logging.basicConfig(level=level, format="%(levelname)s %(message)s")
