"""The command `mews-assets`.

Lives here: choosing a subcommand. Each has a module in `commands` with `add_arguments(parser)` and
`run(args) -> exit code`; they import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Collection
from typing import Any

_COMMANDS = {
    "demo": "try everything: a sandbox, real Dagster runs, a lake, a summary",
    "dev": "open the Dagster UI on 127.0.0.1, with a sandbox unless real tokens are set",
    "status": "what the lake holds, by table and hotel, exports under way, and unfinished work",
    "doctor": "check settings, tokens, clock, lake and Dagster, and say what to correct",
    "health": "say whether a process of Dagster is well, as JSON and exit code, for a container's probe",
    "metrics": "serve figures of the lake, Dagster and this machine's processes to Prometheus",
    "init": "ask for tokens, first day and place, try them, and write .env; or lay the files of a deployment",
    "report": "write one HTML file with the figures and plots of all marts",
    "sql": "run a query over the tables of the lake",
    "sandbox": "serve a Mews Connector API to try against",
    "convert": "convert JSON Lines of one table to one Parquet file",
    "docs": "write the pages of all tables from the catalog",
    "dbt-sources": "write dbt's sources.yml for the lake, or for a warehouse that its tables were loaded into",
    "pull": "capture and write partitions without Dagster",
    "forget": "erase a customer from the lake, landings included, and search it for remaining texts",
    "repolicy": "rewrite the tables under the present MEWS_PII",
    "migrate": "bring a lake of an older format to the present one; --dry-run says what would be done",
    "retry": "merge captures again that failed and were set aside",
    "adopt": "report the partitions of the lake to a Dagster home that does not know them",
    "expire": "remove the files of captures older than MEWS_LANDING_DAYS",
}

_EXAMPLES = {
    "demo": "demo",
    "dev": "dev --port 3001",
    "status": "status --scope prague",
    "doctor": "doctor",
    "health": "health webserver --port 3000",
    "metrics": "metrics --port 9464",
    "init": "init --production celery deploy/dagster",
    "report": "report --open",
    "sql": 'sql "SELECT count(*) FROM current.payments"',
    "sandbox": "sandbox --hotels 3 --days 30",
    "convert": "convert order_items items.jsonl.gz items.parquet",
    "docs": "docs docs",
    "dbt-sources": "dbt-sources models/mews",
    "pull": "pull payments --start 2026-03-01 --end 2026-03-08",
    "forget": "forget --customer 35d4b117-4e60-44a3-9580-c582117eff98",
    "repolicy": "repolicy",
    "migrate": "migrate --dry-run",
    "retry": "retry order_items --scope prague",
    "adopt": "adopt",
    "expire": "expire",
}
"""A line for each command that `--help` ends with."""
_FOLDERS = {
    "health": "production.",
    "init": "production.",
    "metrics": "production.",
    "migrate": "production.",
}
"""Of commands whose module is in a folder of its own."""


class _Version(argparse.Action):
    """Reads the version only if it is requested."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        print(f"mews_assets {metadata.version('mews_assets')}")
        parser.exit()


class _Completion(argparse.Action):
    """Prints the script by which a shell completes commands and options."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, shell: Any, __: str | None = None) -> None:
        import shtab

        print(shtab.complete(parser, shell))
        parser.exit()


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand. A user error ends with its message, exit code 1 and no traceback."""
    # A character that the terminal cannot show is escaped: names of hotels and folders may contain any.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    return _run(argument_parser(_named(given)).parse_args(given))


def _named(arguments: list[str]) -> set[str]:
    """The commands whose options are needed: the one that is named, and all to complete them in a shell."""
    if any(one.startswith("--print") for one in arguments):
        return set(_COMMANDS)
    return {next((one for one in arguments if not one.startswith("-")), "")}


def argument_parser(with_options: Collection[str] = tuple(_COMMANDS)) -> argparse.ArgumentParser:
    """The parser of all commands. Only those that are named have their options: each is a module to be imported."""
    parser = argparse.ArgumentParser(
        prog="mews-assets", description="From the Mews API to a lake of Parquet tables."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version")
    parser.add_argument(
        "--print-completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help="print the shell's completion script, to be sourced",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _COMMANDS.items():
        if name not in with_options:
            commands.add_parser(name, help=text)
            continue
        module = importlib.import_module(
            f"mews_assets.cli.commands.{_FOLDERS.get(name, '')}{name.replace('-', '_')}"
        )
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"Example: mews-assets {_EXAMPLES[name]}",
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _run(args: argparse.Namespace) -> int:
    from mews_assets.cli.user_errors import (
        USER_ERRORS,  # imported when an error occurs: it imports most packages
    )

    try:
        code: int = args.run(args)
    except BrokenPipeError:  # the reader, such as `head`, has ended
        # Otherwise Python reports it once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except USER_ERRORS as error:
        print(f"mews-assets {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
