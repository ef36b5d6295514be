"""The commands of ``python -m lakelanes`` that look at a lake and repair it; a module each.

A command has ``add(subparsers)``, which describes it, and ``run(lake, options)``, which returns a Report of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from lakelanes.commands import files, plan, retry, status, verify
from lakelanes.commands.report import Report
from lakelanes.config.loading import load_config
from lakelanes.lake import Lake

_COMMANDS = (status, files, retry, plan)


def add_all(subparsers: Any) -> None:
    """Describes every command; ``options.run`` of the parsed ones is what ``main`` takes."""
    for module in _COMMANDS:
        _finish(module.add(subparsers), module.run)


def add_verification(parser: argparse.ArgumentParser) -> None:
    """The options of ``check`` that look at a lake: with them, it is run as the other commands are."""
    verify.add_options(parser)
    parser.add_argument("--json", action="store_true", help="for programs")


def verify_ledger(options: argparse.Namespace) -> int:
    """``check --ledger`` and ``check --rebuild``."""
    return _show(verify.run(Lake.open(load_config(options.config)), options), options.json)


def _finish(parser: argparse.ArgumentParser, run: Callable[[Lake, argparse.Namespace], Report]) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=lambda options: _show(run(Lake.open(), options), options.json))


def _show(report: Report, as_json: bool) -> int:
    print(json.dumps(report.data, indent=2, default=str) if as_json else report.text)
    for line in report.errors:
        print(line, file=sys.stderr)
    return report.status
