"""The command `mews-assets`.

Lives here: choosing a subcommand. Each has a module with `add_arguments(parser)` and `run(args) -> exit code`;
what they need is imported when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys

_COMMANDS = {
    "demo": "try everything: a sandbox, real Dagster runs, a lake, a summary",
    "dev": "open the Dagster UI on 127.0.0.1, with a sandbox unless real tokens are set",
    "status": "what the lake holds, hotel by hotel, and what is under way",
    "doctor": "look at settings, tokens, clock, lake and Dagster, and say what to mend",
    "sql": "run a query over the tables of the lake",
    "sandbox": "serve a Mews Connector API to try against",
    "convert": "convert JSON Lines of one table to one Parquet file",
    "docs": "write the page of all tables from the catalog",
    "dbt-sources": "write dbt's sources.yml for the lake, or for a warehouse that its tables were loaded into",
    "pull": "capture and write partitions without Dagster",
    "forget": "take a customer out of the lake, landings included, and search it for what is left",
    "repolicy": "bring the tables under what MEWS_PII says now",
    "retry": "try captures again that could not be merged and were set aside",
    "adopt": "report what stands in the lake to a Dagster home that does not know it",
    "expire": "remove the bytes of captures older than MEWS_LANDING_DAYS",
}


class _Version(argparse.Action):
    """Looks the version up only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        print(f"mews_assets {metadata.version('mews_assets')}")
        parser.exit()


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand. Errors with a message for people end with exit code 1 and no traceback."""
    parser = argparse.ArgumentParser(
        prog="mews-assets", description="From the Mews API to a lake of Parquet tables."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which this is")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _COMMANDS.items():
        module = importlib.import_module(f"mews_assets.cli.commands.{name.replace('-', '_')}")
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    # A letter that the terminal has not is shown as its number. Names of hotels and folders hold any.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    args = parser.parse_args(arguments)
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    from mews_assets.cli.user_errors import (
        USER_ERRORS,  # not before an error needs it: it imports the rooms
    )

    try:
        code: int = args.run(args)
    except BrokenPipeError:  # whoever reads has enough, as `head` has
        # Else Python tells of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except USER_ERRORS as error:
        print(f"mews-assets {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
