"""Athena's API: takes queries, runs them on the engine in threads, keeps their states and serves their results.

See https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from localaws import protocol
from localaws.access import Caller, Clients
from localaws.athena import executions, kinds, metadata, parameters, results, workgroups
from localaws.athena.errors import SYSTEM_ERROR, InvalidRequest, QueryCancelled, QueryFailed
from localaws.athena.executions import CANCELLED, FAILED, SUCCEEDED, Execution, Executions
from localaws.iam import rights
from localaws.protocol import AwsError, Handler, Headers, Reply, Request

logger = logging.getLogger("localaws.athena")

_ERROR = "InvalidRequestException"
_LONGEST_QUERY = 262_144
_MOST_IN_A_BATCH = 50
_ACTIVE_QUERIES = 4
_ACTIVE_REQUESTS = 8
# How the engine's message begins when a query passed its workgroup's limit: AWS cancels such a query.
_OVER_THE_LIMIT = "Query cancelled!"
# On the database "default", whichever one a statement names, and of a DDL statement the right to make it besides
# (https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html).
_DEFAULT_DATABASE = ("glue:GetDatabase", "glue:CreateDatabase")
_MINISTACKS = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})

T = TypeVar("T")
Operation = Callable[[Request, Caller], Awaitable[dict[str, Any]] | dict[str, Any]]


class AthenaService:
    """Athena's handler. ``engine`` is a module or object with ``execute`` and ``QueryContext``, loaded when needed."""

    def __init__(self, endpoint_url: str, directory: Path, ministack: Handler, engine: Any = None) -> None:
        self._executions = Executions()
        self._pages = results.ResultPages(directory / "results")
        self._clients = Clients(endpoint_url)
        self._ministack = ministack
        self._engine = engine
        self._queries = ThreadPoolExecutor(_ACTIVE_QUERIES, thread_name_prefix="athena-query")
        # Threads of their own: a request that waits for S3 never waits for a query to end.
        self._requests = ThreadPoolExecutor(_ACTIVE_REQUESTS, thread_name_prefix="athena-request")
        self._operations: dict[str, Operation] = {
            "BatchGetQueryExecution": self._batch_get_query_execution,
            "CreateWorkGroup": lambda request, caller: workgroups.create(request),
            "DeleteWorkGroup": self._delete_workgroup,
            "GetDataCatalog": lambda request, caller: metadata.get_data_catalog(request),
            "GetDatabase": lambda request, caller: metadata.get_database(request),
            "GetQueryExecution": self._get_query_execution,
            "GetQueryResults": self._get_query_results,
            "GetTableMetadata": lambda request, caller: metadata.get_table_metadata(request),
            "GetWorkGroup": self._get_workgroup,
            "ListDataCatalogs": lambda request, caller: metadata.list_data_catalogs(request),
            "ListDatabases": lambda request, caller: metadata.list_databases(request),
            "ListEngineVersions": lambda request, caller: {"EngineVersions": [workgroups.ENGINE_VERSION]},
            "ListQueryExecutions": self._list_query_executions,
            "ListTableMetadata": lambda request, caller: metadata.list_table_metadata(request),
            "ListWorkGroups": self._list_workgroups,
            "StartQueryExecution": self._start_query_execution,
            "StopQueryExecution": self._stop_query_execution,
            "UpdateWorkGroup": lambda request, caller: workgroups.update(request),
        }

    async def handle(self, method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]) -> Reply:
        """Answer one request; the arguments and the result are ministack's."""
        name = protocol.operation(headers)
        if name in _MINISTACKS:
            return await self._ministack(method, path, headers, body, query)
        try:
            operation = self._operations.get(name)
            if operation is None:
                raise AwsError("UnknownOperationException", f"The local Athena does not offer the operation {name!r}")
            answer = operation(protocol.decode(body), Caller.of_request(headers, query))
            return protocol.reply(answer if isinstance(answer, dict) else await answer)
        except InvalidRequest as error:
            return AwsError(_ERROR, error.message, AthenaErrorCode="INVALID_INPUT").reply()
        except AwsError as error:
            return error.reply()

    def workgroup_of(self, query_id: str) -> str | None:
        """The workgroup that a query of the present request's account ran in, None for one that is not known."""
        from ministack.core.responses import get_account_id, get_region

        execution = self._executions.find((get_account_id(), get_region()), query_id)
        return execution.workgroup if execution else None

    def reset(self) -> None:
        """Stop all queries and forget them and their results."""
        self._executions.clear()
        self._pages.clear()

    async def _start_query_execution(self, request: Request, caller: Caller) -> dict[str, Any]:
        execution = _new_execution(request, caller)
        token = request.get("ClientRequestToken")
        if not token:
            raise InvalidRequest("ClientRequestToken is missing: AWS SDKs make one, other clients must")
        protocol.check_length(_ERROR, "clientRequestToken", token, 128, 32)
        asked = {name: value for name, value in request.items() if name != "ClientRequestToken"}
        repeated = self._executions.repeated(execution.scope, token, asked)
        if repeated is not None:
            return {"QueryExecutionId": repeated}
        await self._in_thread(self._check, execution, caller)
        identifier = self._executions.add(execution, token, asked)
        if identifier == execution.id:
            self._queries.submit(self._run, execution, caller)
        return {"QueryExecutionId": identifier}

    def _check(self, execution: Execution, caller: Caller) -> None:
        """Raise InvalidRequest for what StartQueryExecution itself refuses."""
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, _ = results.split_uri(execution.result_configuration["OutputLocation"])
        try:
            self._clients.client("s3", caller).get_bucket_location(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            raise InvalidRequest(f"Unable to verify/create output bucket {bucket}") from error
        check = getattr(self._loaded_engine(), "check", None)
        if check is not None:
            check(execution.query)

    def _run(self, execution: Execution, caller: Caller) -> None:
        """Run a query to its final state; never raises."""
        if not execution.start():
            return
        try:
            self._execute(execution, caller)
        except QueryCancelled:
            execution.stop()
        except InvalidRequest as error:
            self._fail(execution, QueryFailed(error.message))
        except QueryFailed as error:
            self._fail(execution, error)
        except Exception as error:
            logger.exception("query %s: %s", execution.id, execution.query)
            self._fail(execution, QueryFailed(f"GENERIC_INTERNAL_ERROR: {error!r}", SYSTEM_ERROR, 0))

    def _execute(self, execution: Execution, caller: Caller) -> None:
        sql = parameters.substitute(execution.query, execution.parameters) if execution.parameters else execution.query
        engine = self._loaded_engine()
        default = f"arn:aws:glue:{caller.region}:{caller.account}:database/default"
        for action in _DEFAULT_DATABASE if execution.statement_type == kinds.DDL else _DEFAULT_DATABASE[:1]:
            if not rights.allowed(caller, action, default):
                raise QueryFailed(f"Insufficient permissions to execute the query. {action} on resource: {default}")
        result = engine.execute(
            sql,
            engine.QueryContext(
                database=execution.context.get("Database"),
                glue=self._clients.client("glue", caller),
                s3=self._clients.client("s3", caller),
                filesystem=self._clients.filesystem(caller),
                cancelled=execution.cancelled,
                bytes_scanned_cutoff=execution.cutoff,
                allowed=functools.partial(rights.allowed, caller),
            ),
        )
        execution.engine_finished(result.statement_type, result.substatement_type, result.bytes_scanned)
        if execution.cutoff is not None and result.bytes_scanned > execution.cutoff:
            raise QueryFailed(f"{_OVER_THE_LIMIT} : Bytes scanned limit was exceeded")
        if execution.cancelled.is_set():
            raise QueryCancelled
        header = [[column.name for column in result.columns]] if execution.statement_type == kinds.DML else []
        rows = [*header, *result.rows]
        lines = results.csv_lines(rows) if header else results.text_lines(rows)
        results.upload(self._clients.client("s3", caller), execution.result_configuration, lines, result.columns)
        self._pages.write(execution.id, result.columns, rows)
        if not execution.finish(SUCCEEDED):
            self._pages.remove(execution.id)

    def _fail(self, execution: Execution, error: QueryFailed) -> None:
        if error.message.startswith(_OVER_THE_LIMIT):
            execution.finish(CANCELLED, error.message)
            return
        details = {"ErrorCategory": error.category, "ErrorType": error.error_type, "Retryable": False}
        execution.finish(FAILED, error.message, {**details, "ErrorMessage": error.message})

    def _stop_query_execution(self, request: Request, caller: Caller) -> dict[str, Any]:
        self._execution(request, caller).stop()
        return {}

    def _get_query_execution(self, request: Request, caller: Caller) -> dict[str, Any]:
        return {"QueryExecution": self._execution(request, caller).shown()}

    def _batch_get_query_execution(self, request: Request, caller: Caller) -> dict[str, Any]:
        wanted = request.get("QueryExecutionIds") or []
        protocol.check_length(_ERROR, "queryExecutionIds", wanted, _MOST_IN_A_BATCH, 1)
        found = {one: self._executions.find(_scope(caller), one) for one in wanted}
        missing = {"ErrorCode": "INVALID_INPUT", "ErrorMessage": "QueryExecution was not found"}
        return {
            "QueryExecutions": [execution.shown() for execution in found.values() if execution is not None],
            "UnprocessedQueryExecutionIds": [
                {"QueryExecutionId": one, **missing} for one, execution in found.items() if execution is None
            ],
        }

    def _list_query_executions(self, request: Request, caller: Caller) -> dict[str, Any]:
        name = workgroups.find(request.get("WorkGroup")).name
        every = [{"Id": execution.id} for execution in self._executions.of_workgroup(_scope(caller), name)]
        chosen, token = metadata.paged(request, every)
        return {"QueryExecutionIds": [one["Id"] for one in chosen], **token}

    async def _get_query_results(self, request: Request, caller: Caller) -> dict[str, Any]:
        execution = self._execution(request, caller)
        size = request.get("MaxResults")
        size = results.LARGEST_PAGE if size is None else size
        if size > results.LARGEST_PAGE:
            raise InvalidRequest(f"MaxResults is more than maximum allowed length {results.LARGEST_PAGE}.")
        protocol.check_range(_ERROR, "maxResults", size, 1, results.LARGEST_PAGE)
        if execution.state in (executions.QUEUED, executions.RUNNING):
            raise InvalidRequest(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != SUCCEEDED:
            raise InvalidRequest(f"Query did not finish successfully. Final query state: {execution.state}")
        return await self._in_thread(self._read_page, execution, caller, size, request.get("NextToken"))

    def _read_page(self, execution: Execution, caller: Caller, size: int, token: str | None) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        bucket, key = results.split_uri(execution.result_configuration["OutputLocation"])
        try:
            # On AWS the pages are read from this very file.
            self._clients.client("s3", caller).head_object(Bucket=bucket, Key=key)
            return self._pages.read(execution.id, size, token)
        except (BotoCoreError, ClientError, FileNotFoundError) as error:
            raise InvalidRequest("Could not find results") from error

    def _get_workgroup(self, request: Request, caller: Caller) -> dict[str, Any]:
        return {"WorkGroup": workgroups.find(request.get("WorkGroup")).shown()}

    def _list_workgroups(self, request: Request, caller: Caller) -> dict[str, Any]:
        every = [{**group.summary(), "EngineVersion": workgroups.ENGINE_VERSION} for group in workgroups.every()]
        chosen, token = metadata.paged(request, every)
        return {"WorkGroups": chosen, **token}

    def _delete_workgroup(self, request: Request, caller: Caller) -> dict[str, Any]:
        name = request.get("WorkGroup") or ""
        workgroups.delete(request, bool(self._executions.of_workgroup(_scope(caller), name)))
        self._forget(_scope(caller), name)
        return {}

    def has_queries(self, workgroup: str) -> bool:
        """Whether a workgroup of the request's account and region has any, for whoever deletes it otherwise."""
        return bool(self._executions.of_workgroup(_scope_of_request(), workgroup))

    def forget_queries(self, workgroup: str) -> None:
        """Drops those of a workgroup of the request's account and region that is gone."""
        self._forget(_scope_of_request(), workgroup)

    def _forget(self, scope: executions.Scope, workgroup: str) -> None:
        held = self._executions.of_workgroup(scope, workgroup)
        self._executions.forget(scope, workgroup)
        for execution in held:
            self._pages.remove(execution.id)

    def _execution(self, request: Request, caller: Caller) -> Execution:
        identifier = request.get("QueryExecutionId") or ""
        execution = self._executions.find(_scope(caller), identifier)
        if execution is None:
            raise InvalidRequest(f"QueryExecution {identifier} was not found")
        return execution

    def _loaded_engine(self) -> Any:
        if self._engine is None:
            self._engine = importlib.import_module("localaws.athena.engine")
        return self._engine

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._requests, function, *arguments)


def _scope(caller: Caller) -> executions.Scope:
    return caller.account, caller.region


def _scope_of_request() -> executions.Scope:
    from ministack.core.responses import get_account_id, get_region

    return get_account_id(), get_region()


def _new_execution(request: Request, caller: Caller) -> Execution:
    """The execution that StartQueryExecution asks for; raises InvalidRequest when the request cannot be."""
    query = request.get("QueryString") or ""
    protocol.check_length(_ERROR, "queryString", query, _LONGEST_QUERY, 1)
    reuse = (request.get("ResultReuseConfiguration") or {}).get("ResultReuseByAgeConfiguration") or {}
    if reuse.get("Enabled"):
        raise InvalidRequest("Result reuse is not supported by the local Athena")
    group = workgroups.find(request.get("WorkGroup"))
    if group.state != "ENABLED":
        raise InvalidRequest(f"WorkGroup {group.name} is disabled.")
    configuration = group.results(request.get("ResultConfiguration"))
    kind = kinds.statement_type(query)
    values = list(request.get("ExecutionParameters") or [])
    if values and kind != kinds.DML:
        raise InvalidRequest("Execution parameters are only supported in SELECT statements by the local Athena")
    context = {
        name.capitalize(): str(value).lower()
        for name, value in (request.get("QueryExecutionContext") or {}).items()
        if value
    }
    if context.get("Catalog", "awsdatacatalog") != "awsdatacatalog":
        raise InvalidRequest(f"DataCatalog {context['Catalog']} was not found")
    execution = Execution(
        scope=_scope(caller),
        query=query,
        statement_type=kind,
        workgroup=group.name,
        result_configuration=configuration,
        context=context,
        parameters=values,
        cutoff=group.cutoff,
    )
    output = results.location(configuration["OutputLocation"], execution.id, kind)
    execution.result_configuration = {**configuration, "OutputLocation": output}
    return execution
