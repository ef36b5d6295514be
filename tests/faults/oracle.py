"""What the lake must hold in the end, and what it holds: asked of Athena, of the ledger and of the bucket."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from lakelanes.catalog import athena
from lakelanes.catalog.glue_tables import REJECTS_FOLDER
from lakelanes.config.partitions import Partition
from lakelanes.errors import ValidationError
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from lakelanes.ledger.entries import Entry
from tests.faults.findings import FindingsBase
from tests.faults.plan import ENTITY, Version

Rows = Counter[tuple[int, int]]


@dataclass
class Findings(FindingsBase):
    """What is wrong, by file: rows of its newest version that Athena does not find, rows it finds more than once, rows
    of another version; rejected rows too few or too many; objects that the ledger does not know, or that are not as it
    says; files whose newest version the ledger does not have; partitions that do not validate."""

    lost: dict[str, str] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    unaccounted: dict[str, str] = field(default_factory=dict)
    orphans: dict[str, str] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    invalid: dict[str, str] = field(default_factory=dict)


def examine(lake: Lake, files: Mapping[str, Sequence[Version | None]]) -> Findings:
    """Compares the lake with the files: ``files`` has the versions of each by its key, oldest first; None is deleted.

    Of a file whose newest version was refused, and of one that was deleted, the table holds the version that the ledger
    calls live, whole, or nothing.
    """
    findings = Findings()
    found_entries = {entry.source.rpartition("/")[2]: entry for entry in current_entries(lake)}
    entries = {key: entry for key, entry in found_entries.items() if key in files}
    rows = _rows(lake)
    rejects = _rejects(lake)
    for key, versions in files.items():
        identity = key.rsplit("_", 1)[1].removesuffix(".csv")
        _, year, month, day, _ = key.split("_")
        found = rows.get(identity, {}).pop(f"{year}-{month}-{day}", Counter())
        for elsewhere, misplaced in rows.get(identity, {}).items():
            findings.doubled[key] = f"{sorted(misplaced.elements())} in {elsewhere}"
        entry, newest = entries.get(key), versions[-1]
        wanted = _wanted_rows(versions, entry)
        for name, difference in (
            ("lost", wanted - found),
            ("doubled", Counter({row: count for row, count in found.items() if count > 1 and row in wanted})),
            ("stale", Counter({row: count for row, count in found.items() if row not in wanted})),
        ):
            if difference:
                getattr(findings, name)[key] = f"{sorted(difference.elements())}"
        _check_rejects(findings, key, versions, entry, rejects.get(key, Counter()))
        if newest is not None and (entry is None or entry.etag != newest.etag):
            findings.behind[key] = f"newest {newest.etag}, ledger {entry and (entry.state, entry.etag)}"
        elif newest is not None and entry and entry.state != ("rejected" if newest.kind == "refused" else "loaded"):
            findings.behind[key] = f"{newest.kind}, ledger {entry.state}: {entry.error}"
        elif newest is None and entry and entry.state in ("claimed", "failed"):
            findings.behind[key] = f"deleted, ledger {entry.state}: {entry.error}"
    _check_objects(lake, findings, entries, files)
    _check_counts(lake, findings, entries)
    return findings


def current_entries(lake: Lake) -> list[Entry]:
    return [entry for entry in _scan(lake) if entry.version == "current"]


def history(lake: Lake, key: str) -> list[str]:
    """What the ledger has of a file, for people."""
    own = sorted((e for e in _scan(lake) if e.source.endswith("/" + key)), key=lambda entry: entry.updated_at)
    return [json.dumps({f.name: v for f in fields(e) if (v := getattr(e, f.name)) not in (None, "")}) for e in own]


def open_uploads(lake: Lake) -> int:
    """Multipart uploads that were begun and neither completed nor aborted."""
    answer = lake.s3.list_multipart_uploads(Bucket=lake.config.resources.analytics_bucket)
    return len(answer.get("Uploads", ()))


def _wanted_rows(versions: Sequence[Version | None], entry: Entry | None) -> Rows:
    newest = versions[-1]
    if newest is not None and newest.kind != "refused":
        return newest.rows
    live = entry.live_etag if entry else None
    return next((version.rows for version in versions if version and version.etag == live), Counter())


def _check_rejects(
    findings: Findings, key: str, versions: Sequence[Version | None], entry: Entry | None, found: Rows
) -> None:
    newest = versions[-1]
    if newest is not None:
        allowed = [newest.rejects]
    elif entry and entry.rejects:
        allowed = [version.rejects for version in versions if version and version.rejects]
    else:
        allowed = [Counter()]
    if found not in allowed:
        findings.unaccounted[key] = (
            f"expected {[sorted(rows.elements()) for rows in allowed]}, found {sorted(found.elements())}"
        )


def _check_objects(lake: Lake, findings: Findings, entries: Mapping[str, Entry], files: Container[str]) -> None:
    bucket = lake.config.resources.analytics_bucket
    known: dict[str, str] = {}
    for entry in entries.values():
        if entry.live_etag and entry.target:
            known[entry.target] = str(entry.target_etag)
        if entry.rejects:
            known[entry.rejects] = str(entry.rejects_etag)
    there = {}
    for folder in (lake.config.entities[ENTITY].table_name, REJECTS_FOLDER):
        for page in lake.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{folder}/"):
            there |= {f"s3://{bucket}/{o['Key']}": o["ETag"].strip('"') for o in page.get("Contents", ())}
    for uri in there.keys() | known.keys():
        name = uri.rsplit("/", 1)[1].rsplit("-", 1)[0] + ".csv"
        if name in files and there.get(uri) != known.get(uri):
            findings.orphans[name] = f"{uri}: is {there.get(uri)}, the ledger says {known.get(uri)}"


def _check_counts(lake: Lake, findings: Findings, entries: Mapping[str, Entry]) -> None:
    partitions = {Partition.from_path(entry.partition) for entry in entries.values() if entry.partition}
    try:
        validate(lake, lake.config.entities[ENTITY], partitions, attempts=1)
    except ValidationError as error:
        findings.invalid["validate()"] = str(error)


def _rows(lake: Lake) -> dict[str, dict[str, Rows]]:
    """Rows of the table by the file's id and the day of their partition."""
    found: dict[str, dict[str, Rows]] = defaultdict(lambda: defaultdict(Counter))
    for row in athena.query(lake, "SELECT file_id, version, row_id, year, month, day FROM orders_data"):
        day = f"{row['year']}-{row['month']}-{row['day']}"
        found[str(row["file_id"])][day][int(str(row["version"])), int(str(row["row_id"]))] += 1
    return found


def _rejects(lake: Lake) -> dict[str, Rows]:
    """Rejected rows by file; what they are is in their text."""
    found: dict[str, Rows] = defaultdict(Counter)
    for row in athena.query(lake, "SELECT source_file, raw FROM orders_data_rejects"):
        _, version, number, *_ = str(row["raw"]).split(",")
        found[str(row["source_file"]).rpartition("/")[2]][int(version), int(number)] += 1
    return found


def _scan(lake: Lake) -> list[Entry]:
    pages: Any = lake.ledger._db.get_paginator("scan").paginate(TableName=lake.ledger.table, ConsistentRead=True)
    return [
        Entry.from_item(item) for page in pages for item in page["Items"] if item["source"]["S"].startswith("s3://")
    ]
