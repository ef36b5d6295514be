"""``alerts``: lists the open alerts, and mutes and closes them, as the page's buttons do."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from lakelanes.alerts import silence
from lakelanes.alerts.incidents import Incident, uncured_incidents
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, minute, table
from lakelanes.lake import Lake

_COLUMNS = ("since", "cause", "muted or closed", "reason")


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "alerts", help="list the open alerts; mute or close the ones that are named"
    )
    parser.add_argument("cause", nargs="*", help="causes of open alerts, as the list has them")
    parser.add_argument("--closed", action="store_true", help="list closed ones that are not cured, too")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--mute", type=int, metavar="HOURS", help="say nothing of them for so long, 744 hours at most")
    what.add_argument("--unmute", action="store_true", help="end their mute")
    what.add_argument("--close", action="store_true", help="close them, until their causes come back")
    parser.add_argument("--by", metavar="NAME", help="who mutes or closes them; by default the user of this machine")
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    change = _change(lake, options)
    if bool(change) != bool(options.cause):
        raise UsageError(
            "name causes with one of --mute, --unmute and --close; without any of it the alerts are listed"
        )
    if change:
        _apply(lake, options.cause, change)
    # Read again, for what is told is what is noted.
    found = [one for one in uncured_incidents(lake) if options.closed or change or not one.closed_at]
    shown = [one for one in found if not change or one.cause in options.cause]
    text = table(_COLUMNS, map(_line, shown), "no alert is open")
    return Report(text, [_data(one) for one in shown])


def _change(lake: Lake, options: argparse.Namespace) -> Callable[[Incident], bool] | None:
    """What is to be done with the incidents that are named."""
    if options.unmute:
        return lambda one: silence.unmute(lake, one)
    if options.mute is None and not options.close:
        return None
    by = options.by or getpass.getuser()
    if options.close:
        return lambda one: silence.close(lake, one, by)
    until = lake.clock() + timedelta(hours=options.mute)
    return lambda one: silence.mute(lake, one, until, by)


def _apply(lake: Lake, causes: Sequence[str], change: Callable[[Incident], bool]) -> None:
    """Changes all of them; UsageError, before any is changed, where one is not open."""
    opened = {one.cause: one for one in uncured_incidents(lake) if not one.closed_at}
    if unknown := [cause for cause in causes if cause not in opened]:
        raise UsageError(f"no alert is open of {', '.join(unknown)}; lakelanes alerts lists those that are")
    for cause in dict.fromkeys(causes):
        if not change(opened[cause]):
            raise UsageError(f"{cause} was cured, or closed, meanwhile")


def _line(incident: Incident) -> tuple[object, ...]:
    told = ""
    if incident.closed_at:
        told = f"closed by {incident.closed_by} at {minute(incident.closed_at)}"
    elif incident.muted_until:
        told = f"muted by {incident.muted_by} until {minute(incident.muted_until)}"
    return minute(incident.since), incident.cause, told, " ".join(incident.reason.split())


def _data(incident: Incident) -> dict[str, str]:
    names = ("cause", "since", "reason", "what_to_do", "muted_by", "muted_until", "closed_by", "closed_at")
    return {name: getattr(incident, name) for name in names}
