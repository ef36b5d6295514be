"""Athena's SQL: the entry point that the API calls.

`check` refuses what StartQueryExecution refuses; `execute` runs a statement to its result.
"""

from __future__ import annotations

import contextlib

import sqlglot
from botocore.exceptions import BotoCoreError, ClientError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from localaws.athena import statements
from localaws.athena.errors import SYSTEM_ERROR, USER_ERROR, InvalidRequest, QueryCancelled, QueryFailed
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn
from localaws.athena.select import plan

__all__ = ["InvalidRequest", "QueryCancelled", "QueryContext", "QueryFailed", "QueryResult", "ResultColumn", "check",
           "execute"]  # fmt: skip


def check(sql: str) -> None:
    """Raises InvalidRequest for a text that Athena does not accept: unreadable, of no known kind, or several."""
    # What Athena takes and this engine does not is taken, and then fails.
    with contextlib.suppress(QueryFailed):
        statements.parse(sql)


def execute(sql: str, context: QueryContext) -> QueryResult:
    """Runs one statement.

    Raises QueryFailed for a statement that Athena accepts and then fails, QueryCancelled when `context.cancelled` was
    set, and InvalidRequest for what `check` refuses.
    """
    statement = statements.parse(sql)
    try:
        return statement(context)
    except ClientError as error:
        raise _refused(error) from error
    except BotoCoreError as error:
        raise QueryFailed(f"GENERIC_INTERNAL_ERROR: {error}", SYSTEM_ERROR, 0) from error


def is_repeatable(sql: str, context: QueryContext) -> bool:
    """Whether a query gives the same as long as its tables do, and the caller has a right to these tables.

    See https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html.
    """
    try:
        query, _ = plan(sql, context)
        tree = sqlglot.parse_one(query.sql, dialect="duckdb")
    except (ClientError, QueryFailed, SqlglotError):
        return False
    limited = [limit.parent for limit in tree.find_all(exp.Limit)]
    random = tree.find(exp.Rand, exp.Uuid)
    return random is None and all(select is not None and select.args.get("order") for select in limited)


def _refused(error: ClientError) -> QueryFailed:
    detail = error.response["Error"]
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    text = f"HIVE_METASTORE_ERROR: {error.operation_name}: {detail.get('Message')} (Error Code: {detail.get('Code')})"
    if detail.get("Code") in ("AccessDeniedException", "AccessDenied"):
        text = f"PERMISSION_DENIED: {detail.get('Message')}"
    return QueryFailed(text, SYSTEM_ERROR if status >= 500 else USER_ERROR)
