"""``draft``: proposes an entity for sample files, or a table for the items of one in DynamoDB, and says on what it
rests."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import Any

from lakelanes import names
from lakelanes.aws import clients
from lakelanes.aws.storage import ObjectReader, place_of
from lakelanes.commands.answers import wrapped
from lakelanes.commands.environment import check_endpoint
from lakelanes.commands.report import Report, UsageError
from lakelanes.config.loading import DEFAULT_PATH, load_config
from lakelanes.draft.config_file import formatted, write
from lakelanes.draft.entity import Draft, draft_entity
from lakelanes.draft.samples import Sample
from lakelanes.draft.table import draft_table
from lakelanes.errors import ConfigError

_REGION = "us-east-1"


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "draft",
        help="propose an entity for sample files, or a DynamoDB table's entry",
        description="Proposes an entity for sample files, or the entry of a DynamoDB table for some of its items. The "
        "proposal is on standard output, what it rests on is on standard error.",
    )
    parser.add_argument("sample", nargs="*", help="a file, or s3://bucket/key; several of one kind show more")
    parser.add_argument("--table", metavar="NAME", help="a DynamoDB table: reads up to 1,000 of its items")
    parser.add_argument("--name", help="what to call it (default: by the names of the files or the table)")
    parser.add_argument("--config", help="the configuration (default: $LAKE_CONFIG, else include/lake.json)")
    parser.add_argument("--write", action="store_true", help="add it to the configuration, which is made if need be")
    return parser


def run(options: argparse.Namespace) -> Report:
    if bool(options.sample) == bool(options.table):
        raise UsageError("name sample files, or a DynamoDB table with --table NAME: one of the two")
    if options.name:
        try:
            names.entity_name(options.name)
        except ValueError as error:
            raise UsageError(f"--name: {error}") from None
    if options.table or any(text.startswith("s3://") for text in options.sample):
        check_endpoint(os.environ.get("AWS_ENDPOINT_URL", ""))
    path = Path(options.config or os.environ.get("LAKE_CONFIG") or DEFAULT_PATH)
    if options.table:
        found = draft_table(clients.client("dynamodb", _region(path)), options.table, options.name)
    else:
        found = draft_entity([_sample(text, path) for text in options.sample], options.name)
    lines = _evidence(found)
    if options.write:
        made = write(path, found.setting, found.name, found.value, os.environ)
        where = f"{found.setting}.{found.name}"
        text = f"made {path} with {where}" if made else f"added {where} to {path}"
        return Report(text, found.to_dict(), errors=() if options.json else lines)
    return Report(formatted(found.value), found.to_dict(), errors=() if options.json else lines)


def _sample(text: str, config: Path) -> Sample:
    if text.startswith("s3://"):
        bucket, key = place_of(text)
        folder, _, name = key.rpartition("/")
        s3 = clients.client("s3", _region(config))
        return Sample(name, partial(ObjectReader, s3, bucket, key), f"{folder}/" if folder else "")
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"there is no file {text}")
    return Sample(path.name, lambda: path.open("rb"))


def _region(path: Path) -> str:
    """Of the configuration where there is one, else that of the environment."""
    try:
        return load_config(path).aws.region
    except ConfigError:
        return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _REGION


def _evidence(found: Draft) -> tuple[str, ...]:
    lines = [f"{found.setting}.{found.name}", ""]
    lines += [line for text in (*found.files, *found.found) for line in wrapped("", text)]
    lines.append("")
    size = min(max((len(one.name) for one in found.columns), default=0), 24)
    for one in found.columns:
        lines += wrapped(f"  {one.name:<{size}}  ", one.text)
        for doubt in one.doubts:
            lines += wrapped(" " * (size + 4), f"? {doubt}")
    if found.doubts:
        lines += ["", "to look at:"]
        lines += [line for doubt in found.doubts for line in wrapped("? ", doubt)]
    return tuple(lines)
