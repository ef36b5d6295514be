"""``try``: what would become of a local file under the configuration. The converter runs, and nothing is written."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from lakelanes.commands.answers import answer, cut, wrapped
from lakelanes.commands.report import Report, UsageError, plural
from lakelanes.config.loading import load_config
from lakelanes.config.model import Entity, LakeConfig
from lakelanes.config.partitions import Partition
from lakelanes.convert.policy import WITHHELD
from lakelanes.draft.trial import REJECTS, Trial, try_file
from lakelanes.files.target_keys import target_key

# Exit codes: loaded whole, refused, loaded with rejects; 3 is a fault of the configuration.
WHOLE, REFUSED, WITH_REJECTS, CONFIG_FAULT = 0, 1, 2, 3
_KINDS_SHOWN, _MOST_PARTITIONS = 10, 10


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "try",
        help="say what would become of a local file; writes nothing",
        description="Says what would become of a local file. Exit code 0: it would be loaded whole; 1: refused; "
        "2: loaded, but for the rows listed; 3: the configuration has a fault.",
    )
    parser.add_argument("file", type=Path, help="the file")
    parser.add_argument("--entity", help="try it as a file of this entity, whatever its name")
    parser.add_argument("--config", help="the configuration (default: $LAKE_CONFIG, else include/lake.json)")
    parser.set_defaults(config_fault=CONFIG_FAULT)
    return parser


def run(options: argparse.Namespace) -> Report:
    config = load_config(options.config)
    entity: Entity | None = None
    if options.entity:
        if options.entity not in config.entities:
            known = ", ".join(config.entities)
            raise UsageError(f"the configuration has no entity {options.entity!r}; it has {known}")
        entity = config.entities[options.entity]
    trial = try_file(config, options.file, entity)
    status = REFUSED if trial.state == "rejected" else WITH_REJECTS if trial.rows_rejected else WHOLE
    return Report(_text(config, trial), _data(trial), status, trial.notes if options.json else ())


def _data(trial: Trial) -> dict[str, Any]:
    rejects = [{"line": one.line, "column": one.column, "reason": one.reason, "raw": one.raw} for one in trial.rejects]
    return {
        "entity": trial.entity,
        "partition": trial.partition,
        "state": trial.state,
        "reason": trial.reason,
        "rows_loaded": trial.rows_loaded,
        "rows_rejected": trial.rows_rejected,
        "rejects": rejects,
        "rows": [{name: _plain(value) for name, value in row.items()} for row in trial.rows],
    }


def _plain(value: Any) -> Any:
    """A value as JSON can have it: decimals and dates become texts when they are written, NaN has none but this."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _text(config: LakeConfig, trial: Trial) -> str:
    entity = config.entities[trial.entity] if trial.entity else None
    resources = config.resources
    facts = [("entity", trial.entity or "none")]
    if entity:
        facts.append(("file", f"s3://{resources.source_bucket}/{trial.key}"))
    if trial.partition:
        facts.append(("partition", trial.partition + (f" (of the run {trial.run})" if trial.run else "")))
    elif trial.partitions:
        facts.append(("partitions", f"{len(trial.partitions):,}, from the rows"))
    if entity and trial.partition and trial.state == "loaded":
        object_key = target_key(entity, Partition.from_path(trial.partition), trial.key)
        facts.append(("object", f"s3://{resources.analytics_bucket}/{object_key}"))
    facts.append(("state", trial.state))
    if trial.reason:
        facts.append(("reason", trial.reason))
    facts.append(("rows", _rows(trial)))
    facts += [("note", note) for note in trial.notes]
    parts = ["\n".join(line for name, text in facts for line in wrapped(f"{name:<11}", text))]
    if len(trial.partitions) > 1:
        shown = list(trial.partitions.items())[:_MOST_PARTITIONS]
        lines = [f"  {path}: {plural(count, 'row')}" for path, count in shown]
        if len(trial.partitions) > len(shown):
            lines.append(f"  and {len(trial.partitions) - len(shown):,} more")
        parts.append("\n".join(["partitions", *lines]))
    if trial.rows:
        names = list(trial.rows[0])
        rows = [[row[name] for name in names] for row in trial.rows]
        parts.append(f"first {plural(len(rows), 'row')}, as typed\n{answer(names, rows)}")
    if trial.reasons:
        parts.append("\n".join(["rejected rows, by reason", *_reasons(trial)]))
    return "\n\n".join(parts)


def _rows(trial: Trial) -> str:
    if trial.rows_loaded is None:
        return "not read: a table of format 'csv' is the file as it came"
    left_out = f", {plural(trial.left_out, 'line')} or rows left out" if trial.left_out else ""
    return f"{trial.rows_loaded:,} loaded, {trial.rows_rejected:,} rejected{left_out}"


def _reasons(trial: Trial) -> list[str]:
    lines = []
    for seen in trial.reasons[:_KINDS_SHOWN]:
        if seen.first.reason.startswith(WITHHELD):
            lines += wrapped(f"{seen.count:>7,}  ", "not at fault, or not judged: rejected because the file is refused")
            continue
        column = f"{seen.first.column}: " if seen.first.column else ""
        lines += wrapped(f"{seen.count:>7,}  ", f"{column}{seen.first.reason}")
        where = ", ".join(map(str, seen.lines)) + (", ..." if seen.count > len(seen.lines) else "")
        lines += wrapped(" " * 9, f"line {where}")
        lines.append(" " * 9 + cut(seen.first.raw, less=9))
    if len(trial.reasons) > _KINDS_SHOWN:
        lines.append(
            f"         and {len(trial.reasons) - _KINDS_SHOWN:,} more reasons; --json has the first {REJECTS:,} rows"
        )
    return lines
