"""``plan``: what the next sweep would load, in which batches. Changes nothing."""

from __future__ import annotations

import argparse
from typing import Any

from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, plural, table
from lakelanes.files.batch_plan import describe_batch, plan_batches
from lakelanes.files.sweep import find_unloaded


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser("plan", help="say what the next sweep would load")
    parser.add_argument("--full", action="store_true", help="list the entire source bucket, not only recent names")
    return parser


def run(options: argparse.Namespace) -> Report:
    lake = open_lake()
    sweep = find_unloaded(lake, full=options.full, note=False)
    batches = [
        (name, batch)
        for name, files in sweep.files.items()
        for batch in plan_batches(files, lake.config.entities[name].batch_bytes)
    ]
    rows = [(name, len(batch), sum(file.size for file in batch), describe_batch(batch)) for name, batch in batches]
    lines = [table(("entity", "files", "bytes", "batch"), rows, "nothing is to be loaded")]
    if sweep.settling:
        lines.append(f"{plural(sweep.settling, 'file')} may still be written to")
    if sweep.ignored:
        lines.append(f"{plural(sweep.ignored, 'name')} of no entity {'is' if sweep.ignored == 1 else 'are'} ignored")
    lines += [f"no entity takes {file.uri}" for file in sweep.unmatched[:20]]
    data = {
        "batches": [{"entity": name, "files": [file.to_dict() for file in batch]} for name, batch in batches],
        "settling": sweep.settling,
        "ignored": sweep.ignored,
        "unmatched": [file.uri for file in sweep.unmatched],
        "listed": sweep.listed,
    }
    return Report("\n".join(lines), data)
