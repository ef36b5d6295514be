"""``query``: a question in SQL, answered by Athena in the lake's workgroup and database."""

from __future__ import annotations

import argparse
import csv
import io
import re
from typing import Any

from botocore.exceptions import ClientError

from lakelanes.aws.failures import kind_of
from lakelanes.catalog.athena import Answer, ask
from lakelanes.commands.answers import answer
from lakelanes.commands.environment import open_lake
from lakelanes.commands.report import Report, UsageError, plural
from lakelanes.errors import QueryError

# What asks and changes nothing. https://docs.aws.amazon.com/athena/latest/ug/ddl-sql-reference.html
_ASKING = ("select", "with", "values", "table", "show", "describe", "desc", "explain")
_COMMENTS = re.compile(r"\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()\s*|\s+", re.DOTALL)
_WHOLE = frozenset({"tinyint", "smallint", "integer", "bigint"})
_FLOATS = frozenset({"float", "real", "double"})


def add(subparsers: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser("query", help="ask the lake's tables in SQL, by Athena")
    parser.add_argument("sql", help='one statement: "SELECT ..."')
    parser.add_argument("--csv", action="store_true", help="answer in CSV, nulls as empty fields")
    return parser


def run(options: argparse.Namespace) -> Report:
    if options.csv and options.json:
        raise UsageError("--csv and --json are two answers: ask for one of them")
    _check(options.sql)
    try:
        found = ask(open_lake(), options.sql)
    except QueryError as error:
        raise refused(error.reason) from None
    except ClientError as error:
        # What Athena cannot read it does not start.
        if kind_of(error) != "invalid":
            raise
        raise refused(error.response["Error"]["Message"]) from None
    rows = [[_typed(text, kind) for text, kind in zip(row, found.types, strict=True)] for row in found.rows]
    if options.csv:
        return Report(_csv(found), None)
    text = answer(found.names, rows) if found.names else ""
    data = [dict(zip(found.names, row, strict=True)) for row in rows]
    return Report("\n\n".join(filter(None, [text, plural(len(rows), "row")])), data)


def refused(reason: str) -> UsageError:
    """What is said of a statement that Athena refused, in one line."""
    return UsageError(f"Athena: {' '.join(reason.split())}")


def _check(sql: str) -> None:
    start, text = 0, sql
    while found := _COMMENTS.match(text, start):
        start = found.end()
    word = re.match(r"\w*", text[start:])[0].lower()  # type: ignore[index]
    if word not in _ASKING:
        what = f"it begins with {word.upper()!r}" if word else "there is none"
        raise UsageError(f"the statement has to be a SELECT or another question that changes nothing; {what}")


def _typed(text: str | None, kind: str) -> Any:
    """A value of Athena's as JSON has it. Decimals stay text, to the last digit, and so does what JSON lacks."""
    if text is None:
        return None
    if kind in _WHOLE:
        return int(text)
    if kind == "boolean":
        return text == "true"
    if kind in _FLOATS and re.fullmatch(r"[-+.0-9eE]+", text):
        return float(text)
    return text


def _csv(found: Answer) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(found.names)
    writer.writerows(found.rows)
    return file.getvalue().removesuffix("\n")
