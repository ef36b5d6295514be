"""The commands of ``lakelanes``, a module each."""

from __future__ import annotations

import argparse
from typing import Any, Protocol

from lakelanes.commands import (
    alerts,
    check,
    cost,
    dashboard,
    draft,
    drop,
    files,
    plan,
    powerbi,
    query,
    quicksight,
    retry,
    schema,
    status,
    superset,
    tables,
    try_file,
    upload,
)
from lakelanes.commands.report import Report


class Command(Protocol):
    """What the module of a command has."""

    def add(self, subparsers: Any) -> argparse.ArgumentParser:
        """Describes the command and its options; returns its parser. ``--json`` is added to all of them."""

    def run(self, options: argparse.Namespace) -> Report:
        """Does it. Raises LakeError, whose text is all that its user gets to see."""


# In the order in which `lakelanes --help` lists them.
COMMANDS: tuple[Command, ...] = (
    draft,
    try_file,
    upload,
    status,
    alerts,
    files,
    retry,
    plan,
    tables,
    query,
    dashboard,
    cost,
    check,
    drop,
    schema,
    quicksight,
    powerbi,
    superset,
)
