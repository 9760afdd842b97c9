"""The console of runs as JSON, where MEWS_LOG is json.

Lives here: putting our format in the place of Dagster's coloured one. Not here: the format (`log_format`), and the logs
of the web server, the daemon and the code server, which have the option `--log-format json`.

A run without a logger in its configuration uses `colored_console_logger`; Dagster has no setting for another one, and a
job's default configuration is lost where a run has any. So the function of that logger is replaced.
"""

from __future__ import annotations

import logging
import os

import dagster as dg
from dagster._loggers import colored_console_logger

from mews_assets.log_format import json_handler, read_log


def use_json_console() -> None:
    """Write the records of runs, and those of this project outside of runs, as JSON if that is set."""
    if not read_log(os.environ):
        return
    ours = logging.getLogger("mews_assets")
    if not ours.handlers:
        ours.addHandler(json_handler(os.environ))
        ours.propagate = False
    colored_console_logger._logger_fn = _json_console


def _json_console(context: dg.InitLoggerContext) -> logging.Logger:
    name, level = context.logger_config.get("name", "dagster"), context.logger_config.get("log_level", "INFO")
    logger = logging.getLoggerClass()(name, level=level)
    logger.addHandler(json_handler(os.environ))
    return logger
