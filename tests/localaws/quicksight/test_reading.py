"""Result files of Athena, and whom a role trusts."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.quicksight.reading import SERVICE, _failure, parsed

HEADER = b'"a","b"\n'


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        (HEADER, [[], []]),
        (HEADER + b'"1",\n,""\n', [["1", None], [None, ""]]),
        (HEADER + b'"x ""y""","two\r\nlines"\n', [['x "y"'], ["two\r\nlines"]]),
    ],
)
def test_a_null_is_nothing_and_an_empty_text_is_quoted(body: bytes, columns: list[Any]) -> None:
    assert parsed(body, 2) == columns


def test_lines_of_one_column_may_be_empty() -> None:
    assert parsed(b'"a"\n\n"1"\n\n', 1) == [[None, "1", None]]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("TABLE_NOT_FOUND: line 1:15: Table 'x' does not exist", "SQL_TABLE_NOT_FOUND"),
        ("SCHEMA_NOT_FOUND: line 1:15: Schema 'x' does not exist", "SQL_TABLE_NOT_FOUND"),
        ("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", "SQL_SCHEMA_MISMATCH_ERROR"),
        ("Insufficient permissions to execute the query. glue:GetDatabase on resource: x", "PERMISSION_DENIED"),
        ("Query cancelled! : Bytes scanned limit was exceeded", "SOURCE_RESOURCE_LIMIT_EXCEEDED"),
        ("DIVISION_BY_ZERO: Division by zero", "SQL_EXCEPTION"),
    ],
)
def test_a_failed_query_is_an_error_of_the_ingestion(reason: str, kind: str) -> None:
    assert _failure(reason).kind == kind


def test_the_service_is_the_one_whom_roles_trust() -> None:
    assert SERVICE == "quicksight.amazonaws.com"
