"""Athena's SQL: the entry point that the API calls.

`check` refuses what StartQueryExecution refuses; `execute` runs a statement to its result.
"""

from __future__ import annotations

import contextlib

from botocore.exceptions import BotoCoreError, ClientError

from localaws.athena import statements
from localaws.athena.ddl import Ddl
from localaws.athena.errors import SYSTEM_ERROR, InvalidRequest, QueryCancelled, QueryFailed
from localaws.athena.results_model import QueryContext, QueryResult, ResultColumn
from localaws.athena.select import run_query

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
        if isinstance(statement, statements.RunQuery):
            return run_query(statement.sql, context)
        return Ddl(context).run(statement)
    except ClientError as error:
        raise QueryFailed(_refused(error), SYSTEM_ERROR if _is_servers(error) else 2) from error
    except BotoCoreError as error:
        raise QueryFailed(f"GENERIC_INTERNAL_ERROR: {error}", SYSTEM_ERROR, 0) from error


def _refused(error: ClientError) -> str:
    detail = error.response["Error"]
    code = detail.get("Code", "")
    if code in ("AccessDeniedException", "AccessDenied"):
        return f"PERMISSION_DENIED: {detail.get('Message')}"
    return f"HIVE_METASTORE_ERROR: {error.operation_name}: {detail.get('Message')} (Error Code: {code})"


def _is_servers(error: ClientError) -> bool:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
