"""What ``<table>_current`` must hold in the end, and what it may hold meanwhile: asked of Athena."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lakelanes.catalog import athena
from lakelanes.config.model import Table
from lakelanes.lake import Lake
from lakelanes.tables.current import coverage
from lakelanes.tables.ledger import TableLedger
from tests.faults.findings import FindingsBase
from tests.faults.tables.rows import Image, columns_sql, expected, found
from tests.faults.tables.source import Stream, Version


@dataclass
class Findings(FindingsBase):
    """What is wrong, by key: items that are not in the view; those that are there more than once; rows that show an
    older version than they must, or an item that is gone; rows that are no version of their item; windows that DynamoDB
    exported twice; windows that are not published."""

    lost: dict[str, str] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    different: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, str] = field(default_factory=dict)
    unpublished: dict[str, str] = field(default_factory=dict)


@dataclass
class View:
    """The rows of a query by key, each with the lane that it comes from."""

    rows: dict[str, list[str]] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)


@dataclass
class Watcher:
    """Looks at the view while it moves. Every row must be a version of its item, not older than what the view promises
    to have, and never older than what was seen before."""

    lake: Lake
    table: Table
    stream: Stream
    findings: Findings = field(default_factory=Findings)
    looks: int = 0
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def look(self) -> View | None:
        """What was seen; None while there is no view."""
        promised = coverage(self.lake, self.table)
        if promised is None:
            return None
        view = read_view(self.lake, self.table)
        # Afterwards, so that everything that the query may have seen is known.
        known = self.stream.known()
        self.looks += 1
        when = f"look {self.looks}"
        for key, count in view.doubled.items():
            self.findings.doubled[f"{key} ({when})"] = f"{count} rows"
        for key, versions in known.items():
            self._check(f"{key} ({when})", key, versions, view.rows.get(key), promised.through)
        for key in view.rows.keys() - known.keys():
            self.findings.different[f"{key} ({when})"] = "no item ever had this key"
        return view

    def _check(self, name: str, key: str, versions: list[Version], row: list[str] | None, through: datetime) -> None:
        promised = sum(version.second < through.timestamp() for version in versions) - 1
        before, known = self._seen.get(key, (-1, 0))
        least = max(promised, before)
        if row is None:
            gone = [place for place, version in enumerate(versions) if version.packed is None and place >= least]
            if least >= 0 and not gone:
                self.findings.lost[name] = f"version {versions[least].number} or a later one must be there"
            self._seen[key] = (gone[0] if least >= 0 and gone else least, 0)
            return
        if before >= least and hash(tuple(row)) == known:
            return
        matching = [place for place, version in enumerate(versions) if is_version(self.table, version, row)]
        if not matching:
            self.findings.different[name] = difference(self.table, versions[-1], row)
        elif matching[-1] < least:
            self.findings.stale[name] = f"place {matching[-1]} of its versions, expected {least} or later"
        else:
            place = next(place for place in matching if place >= least)
            self._seen[key] = (place, hash(tuple(row)))


def read_view(lake: Lake, table: Table) -> View:
    """All of the view, by Athena."""
    cells = ", ".join(f"{cell} AS c{place}" for place, cell in enumerate(columns_sql(table)))
    query = athena.execute(lake, f'SELECT "{table.keys[0]}", "_source", {cells} FROM {table.current_view}')
    execution = lake.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
    bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    text = lake.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    view = View()
    _, *rows = csv.reader(io.StringIO(text, newline=""))
    for identity, source, *row in rows:
        if identity in view.rows:
            view.doubled[identity] += 1
        view.rows[identity] = row
        view.sources[source] += 1
    return view


def is_version(table: Table, version: Version, row: list[str]) -> bool:
    if version.packed is None or row[_place(table, "version")] != f"={version.number}":
        return False
    wanted = expected(table, version.image)
    return found(table, row, wanted) == wanted


def difference(table: Table, version: Version, row: list[str]) -> str:
    """The cells in which a row differs from a version of its item, for people."""
    if version.packed is None:
        return "the item is gone, and the row is none of its versions"
    wanted = expected(table, version.image)
    names = [*(column.name for column in table.columns), table.undeclared, "_rescued"]
    cells = zip(names, wanted, found(table, row, wanted), strict=True)
    return "; ".join(f"{name} is {cell!r}, expected {want!r}" for name, want, cell in cells if want != cell)[:1000]


def compare(table: Table, items: Mapping[str, Image], view: View | None, stream: Stream) -> Findings:
    """The differences between the view and a scan of the table."""
    findings, view = Findings(), view or View()
    for key, count in view.doubled.items():
        findings.doubled[key] = f"{count + 1} rows"
    for key in items.keys() - view.rows.keys():
        findings.lost[key] = f"version {items[key]['version']['N']}"
    for key, row in view.rows.items():
        versions = stream.versions.get(key, [])
        if key in items:
            wanted = expected(table, items[key])
            if found(table, row, wanted) == wanted:
                continue
        if any(is_version(table, version, row) for version in versions):
            findings.stale[key] = "an older version" if key in items else "the item is gone"
        else:
            findings.different[key] = difference(table, versions[-1], row) if versions else "no item ever had this key"
    return findings


def check_exports(lake: Lake, table: Table, through: datetime, findings: Findings) -> Counter[str]:
    """Whether every window until ``through`` is published, and was exported once; counts DynamoDB's exports."""
    ledger = TableLedger(lake, table.name)
    chain = ledger.chain()
    assert chain is not None
    start = chain.start
    windows = {export.window.start: export for export in ledger.windows(start)}
    while start < through and (export := windows.get(start)):
        if export.state != "published":
            findings.unpublished[str(export)] = f"{export.state}: {export.reason}"
        start = export.window.end
    if start < through:
        findings.unpublished[f"from {start}"] = f"not planned, expected windows until {through}"
    made: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    pages: dict[str, str] = {}
    while True:
        page = lake.dynamodb.list_exports(TableArn=chain.table_arn, **pages)
        for summary in page["ExportSummaries"]:
            described = lake.dynamodb.describe_export(ExportArn=summary["ExportArn"])["ExportDescription"]
            made[described["ExportStatus"]] += 1
            if described["ExportStatus"] == "COMPLETED":
                times = described.get("IncrementalExportSpecification") or {"": described.get("ExportTime")}
                seen[" to ".join(str(time) for time in times.values() if isinstance(time, datetime))] += 1
        if "NextToken" not in page:
            break
        pages = {"NextToken": page["NextToken"]}
    for times_text, count in seen.items():
        if count > 1:
            findings.repeated[times_text] = f"exported {count} times"
    return made


def _place(table: Table, name: str) -> int:
    return [column.name for column in table.columns].index(name)
