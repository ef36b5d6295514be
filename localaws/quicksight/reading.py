"""How QuickSight reads Athena: as a role, in a workgroup, by Athena's own API, and the result file from S3.

The role is the data source's RoleArn, which overrides the role of the account
(https://docs.aws.amazon.com/quicksight/latest/APIReference/API_AthenaParameters.html); that is QuickSight's service
role. Kinds of errors: https://docs.aws.amazon.com/quicksight/latest/user/errors-spice-ingestion.html.
"""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from typing import Any

from localaws.access import Caller, Clients
from localaws.iam import rights
from localaws.quicksight.store import Scope

SERVICE = "quicksight.amazonaws.com"
SERVICE_ROLE = "arn:aws:iam::{account}:role/service-role/aws-quicksight-service-role-v0"

_POLL_SECONDS = 0.05
_ANY_SECRET = "test"
_MISSING_TABLE = ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND")
_DENIED = ("Access Denied", "AccessDenied", "Insufficient permissions", "not authorized", "Forbidden")
_DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "403"})


class ReadingFailed(Exception):
    """Athena could not be read; ``kind`` is a value of IngestionErrorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class ReadingCancelled(Exception):
    """The ingestion was cancelled while Athena was at work."""


@dataclass(frozen=True)
class Answer:
    """A query's result: names, and the texts of each column (None is NULL)."""

    names: list[str]
    columns: list[list[str | None]]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.columns[0]) if self.columns else 0


class Athena:
    """Runs queries through the Athena API of this server."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def try_out(self, scope: Scope, workgroup: str, role: str | None) -> None:
        """Raise ReadingFailed unless a query of nothing runs in the workgroup."""
        self.read(scope, workgroup, role, "SELECT 1", threading.Event())

    def read(self, scope: Scope, workgroup: str, role: str | None, sql: str, cancelled: threading.Event) -> Answer:
        """A query's whole result; raises ReadingFailed, and ReadingCancelled once the event is set."""
        from botocore.exceptions import BotoCoreError, ClientError

        caller = session(scope, role)
        try:
            return self._read(caller, workgroup, sql, cancelled)
        except ClientError as error:
            raise _failure_of(error) from error
        except BotoCoreError as error:
            raise ReadingFailed("CONNECTION_FAILURE", str(error)) from error

    def _read(self, caller: Caller, workgroup: str, sql: str, cancelled: threading.Event) -> Answer:
        athena = self._clients.client("athena", caller)
        identifier = athena.start_query_execution(QueryString=sql, WorkGroup=workgroup)["QueryExecutionId"]
        while True:
            execution = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            state = execution["Status"]["State"]
            if state not in ("QUEUED", "RUNNING"):
                break
            if cancelled.wait(_POLL_SECONDS):
                athena.stop_query_execution(QueryExecutionId=identifier)
                raise ReadingCancelled
        if state != "SUCCEEDED":
            raise _failure(execution["Status"].get("StateChangeReason", state))
        first = athena.get_query_results(QueryExecutionId=identifier, MaxResults=1)
        names = [column["Name"] for column in first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
        bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
        body = self._clients.client("s3", caller).get_object(Bucket=bucket, Key=key)["Body"].read()
        return Answer(names, parsed(body, len(names)))


def parsed(body: bytes, width: int) -> list[list[str | None]]:
    """The columns of a result file of Athena, without its header: nothing at all is NULL, "" is an empty text."""
    import pyarrow
    from pyarrow import csv

    names = [str(number) for number in range(width)]
    table = csv.read_csv(
        io.BytesIO(body),
        # In one block: pyarrow loses the LF of a CRLF in quotes that two blocks share (apache/arrow#51368).
        csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=names, skip_rows_after_names=1),
        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pyarrow.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return [column.to_pylist() for column in table.columns]


def session(scope: Scope, role: str | None) -> Caller:
    """Credentials of the role that QuickSight assumes; raises ReadingFailed when it may not, or the role is not there.

    Where IAM is not enforced, the account's own.
    """
    if not rights.enforced():
        return Caller(scope.account, scope.region, scope.account, _ANY_SECRET)
    from ministack.services import iam, sts

    arn = role or SERVICE_ROLE.format(account=scope.account)
    name = arn.rpartition("/")[2]
    held = iam._roles.get_scoped(scope.account, None, name)
    if held is None:
        raise ReadingFailed("IAM_ROLE_NOT_AVAILABLE", f"The role {arn} does not exist")
    if not trusts(held.get("AssumeRolePolicyDocument"), SERVICE):
        raise ReadingFailed("FAILURE_TO_ASSUME_ROLE", f"The role {arn} does not trust {SERVICE}")
    digest = hashlib.sha256(f"quicksight:{scope}:{arn}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest, hashlib.sha256(digest.encode()).hexdigest()
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{scope.account}:assumed-role/{name}/QuickSight",
            "UserId": f"{name}:QuickSight",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return Caller(scope.account, scope.region, key, secret, token)


def trusts(document: Any, service: str) -> bool:
    """Whether a trust policy lets a service assume the role; a Deny that names it wins."""
    import json

    from ministack.core import iam_evaluator

    policy = json.loads(document) if isinstance(document, str) else document or {}
    given = policy.get("Statement", [])
    effects = {
        statement.get("Effect")
        for statement in (given if isinstance(given, list) else [given])
        if "sts:AssumeRole" in _listed(statement.get("Action"))
        and iam_evaluator._service_principal_matches(statement.get("Principal"), service)
    }
    return effects == {"Allow"}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _failure(reason: str) -> ReadingFailed:
    """Why a query failed, as an ingestion reports it."""
    if reason.startswith(_MISSING_TABLE):
        return ReadingFailed("SQL_TABLE_NOT_FOUND", reason)
    if reason.startswith("COLUMN_NOT_FOUND"):
        return ReadingFailed("SQL_SCHEMA_MISMATCH_ERROR", reason)
    if any(word in reason for word in _DENIED):
        return ReadingFailed("PERMISSION_DENIED", reason)
    if reason.startswith("Query cancelled!"):
        return ReadingFailed("SOURCE_RESOURCE_LIMIT_EXCEEDED", reason)
    return ReadingFailed("SQL_EXCEPTION", reason)


def _failure_of(error: Any) -> ReadingFailed:
    """Why Athena or S3 refused a call."""
    code = error.response.get("Error", {}).get("Code", "")
    denied = code in _DENIED_CODES or any(word in str(error) for word in _DENIED)
    return ReadingFailed("PERMISSION_DENIED" if denied else "SQL_EXCEPTION", str(error))
