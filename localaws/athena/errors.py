"""How a query fails, in Athena's terms.

Athena refuses some texts when they are submitted (`InvalidRequest`) and accepts others that then reach the state FAILED
(`QueryFailed`, whose message is the StateChangeReason). Which is which follows
https://docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html and observed AWS replies.
"""

from __future__ import annotations

SYSTEM_ERROR = 1
USER_ERROR = 2

_RESOURCES_EXHAUSTED = 10
_NOT_SUPPORTED = 201
_GENERIC_USER = 2
_SYNTAX = 1006
_TABLE_NOT_FOUND = 1000
_BAD_DATA = 1100
_INVALID_ARGUMENT = 233

_ERROR_TYPES = {
    "SYNTAX_ERROR": _SYNTAX, "TYPE_MISMATCH": _SYNTAX, "COLUMN_NOT_FOUND": _SYNTAX, "FUNCTION_NOT_FOUND": _SYNTAX,
    "TABLE_NOT_FOUND": _TABLE_NOT_FOUND, "SCHEMA_NOT_FOUND": _TABLE_NOT_FOUND, "HIVE_BAD_DATA": _BAD_DATA,
    "HIVE_CURSOR_ERROR": _BAD_DATA, "HIVE_CANNOT_OPEN_SPLIT": _BAD_DATA, "NOT_SUPPORTED": _NOT_SUPPORTED,
    "INVALID_FUNCTION_ARGUMENT": _INVALID_ARGUMENT, "INVALID_CAST_ARGUMENT": _INVALID_ARGUMENT,
}  # fmt: skip


class InvalidRequest(Exception):
    """StartQueryExecution itself refuses the text: the message of its InvalidRequestException."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class QueryFailed(Exception):
    """The query was accepted and failed. `category` is 1 system, 2 user, 3 other; `error_type` Athena's number."""

    def __init__(self, message: str, category: int = USER_ERROR, error_type: int = _GENERIC_USER) -> None:
        super().__init__(message)
        self.message = message
        self.category = category
        self.error_type = error_type


class QueryCancelled(Exception):
    """The query noticed `context.cancelled` and stopped."""


def failure(code: str, text: str, line: int | None = None, column: int | None = None) -> QueryFailed:
    """A failure named as Trino names it: `CODE: line 1:8: text`."""
    where = f"line {line}:{column}: " if line is not None else ""
    return QueryFailed(f"{code}: {where}{text}", USER_ERROR, _ERROR_TYPES.get(code, _GENERIC_USER))


def not_supported(text: str, line: int | None = None, column: int | None = None) -> QueryFailed:
    """Something that this engine cannot answer as Athena would, so it does not answer at all."""
    return failure("NOT_SUPPORTED", text, line, column)


def hive_failure(text: str) -> QueryFailed:
    """A DDL statement that the Hive side of Athena refuses: `FAILED: SemanticException ...`."""
    return QueryFailed(f"FAILED: {text}", USER_ERROR, _GENERIC_USER)


def ddl_task_failure(text: str) -> QueryFailed:
    """A DDL statement that failed while it ran, as Hive's DDLTask words it."""
    return hive_failure(f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. {text}")


def scan_limit_exceeded(limit: int) -> QueryFailed:
    """The workgroup's BytesScannedCutoffPerQuery was passed."""
    return QueryFailed(
        f"Query cancelled! : Bytes scanned limit was exceeded. The limit is {limit} bytes.",
        USER_ERROR,
        _RESOURCES_EXHAUSTED,
    )
