"""The command ``lakelanes``: says how a lake stands and repairs it. ``python -m lakelanes`` is the same.

The commands are modules of ``lakelanes.commands``; here their answers are printed and their errors become exit codes.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from lakelanes import __version__
from lakelanes.commands import COMMANDS
from lakelanes.commands.environment import read_env_file, said
from lakelanes.errors import ConfigError, LakeError

_DESCRIPTION = (
    "Says how a lake stands, and repairs it. The lake is the one of the configuration file that LAKE_CONFIG names, or "
    "of include/lake.json. Variables of AWS that are not set come from .local/env, which make up writes."
)
# As shells count a program that a signal ended: 128 and its number.
INTERRUPTED, PIPE_CLOSED = 130, 141


def main(arguments: list[str] | None = None) -> int:
    """Runs one command. Returns 0, or 1 for an error and where something needs attention; argparse exits with 2.

    ``try`` has exit codes of its own. Interrupted, it returns 130, and 141 where nobody reads its answer any more.
    """
    options = build_parser().parse_args(arguments)
    # What goes wrong with a file is in the answer; its traceback is for the logs of workers.
    logging.getLogger("lakelanes").addHandler(logging.NullHandler())
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _run(options: argparse.Namespace) -> int:
    source = read_env_file(getattr(options, "config", None), os.environ, Path.cwd())
    try:
        report = options.run(options)
    except (LakeError, BotoCoreError, ClientError) as error:
        text = said(error, source)
        if options.json:
            print(json.dumps({"error": text}, indent=2))
        print(text, file=sys.stderr)
        return int(options.config_fault) if isinstance(error, ConfigError) else 1
    print(json.dumps(report.data, indent=2, default=str) if options.json else report.text)
    sys.stdout.flush()
    for line in report.errors:
        print(line, file=sys.stderr)
    return int(report.status)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; ``run`` of what it parsed is the command's function."""
    parser = argparse.ArgumentParser(prog="lakelanes", description=_DESCRIPTION)
    parser.set_defaults(config_fault=1)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        own = command.add(subparsers)
        own.add_argument("--json", action="store_true", help="answer in JSON, for programs")
        own.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
