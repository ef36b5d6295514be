"""Athena's API: takes queries, runs them on the engine in threads, keeps their states and serves their results.

See https://docs.aws.amazon.com/athena/latest/APIReference/Welcome.html.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import importlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from localaws import protocol, validation
from localaws.access import Caller, Clients
from localaws.athena import executions, kinds, metadata, parameters, prepared, results, workgroups
from localaws.athena.errors import SYSTEM_ERROR, InvalidRequest, QueryCancelled, QueryFailed
from localaws.athena.executions import CANCELLED, FAILED, SUCCEEDED, Execution, Executions
from localaws.iam import rights
from localaws.protocol import AwsError, Handler, Headers, Reply, Request

logger = logging.getLogger("localaws.athena")

_ERROR = "InvalidRequestException"
_DEFINITION = validation.Definition("athena", _ERROR, first_lower=True)
_ACTIVE_QUERIES = 4
_ACTIVE_REQUESTS = 8
# How the engine's message begins when a query passed its workgroup's limit: AWS cancels such a query.
_OVER_THE_LIMIT = "Query cancelled!"
# On the database "default", whichever one a statement names, and of a DDL statement the right to make it besides
# (https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html).
_DEFAULT_DATABASE = ("glue:GetDatabase", "glue:CreateDatabase")
# https://docs.aws.amazon.com/athena/latest/APIReference/API_ResultReuseByAgeConfiguration.html
_REUSE_MINUTES = 60
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
            "GetDatabase": metadata.get_database,
            "GetQueryExecution": self._get_query_execution,
            "GetQueryResults": self._get_query_results,
            "GetTableMetadata": metadata.get_table_metadata,
            "GetWorkGroup": self._get_workgroup,
            "ListDataCatalogs": lambda request, caller: metadata.list_data_catalogs(request),
            "ListDatabases": metadata.list_databases,
            "ListEngineVersions": lambda request, caller: {"EngineVersions": [workgroups.ENGINE_VERSION]},
            "ListQueryExecutions": self._list_query_executions,
            "ListTableMetadata": metadata.list_table_metadata,
            "ListWorkGroups": self._list_workgroups,
            "StartQueryExecution": self._start_query_execution,
            "StopQueryExecution": self._stop_query_execution,
            **{name: _without_caller(operation) for name, operation in prepared.OPERATIONS.items()},
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
            request = protocol.decode(body)
            # A page of results that is too large has words of its own.
            if name != "GetQueryResults":
                _DEFINITION.check_request(name, request)
            answer = operation(request, Caller.of_request(headers, query))
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
        asked = {name: value for name, value in request.items() if name != "ClientRequestToken"}
        repeated = self._executions.repeated(execution.scope, token, asked)
        if repeated is not None:
            return {"QueryExecutionId": repeated}
        await self._in_thread(self._check, execution, caller)
        identifier = self._executions.add(execution, token, asked)
        if identifier == execution.id:
            # ministack's stores are those of the request's account and region.
            self._queries.submit(contextvars.copy_context().run, self._run, execution, caller)
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
            check(execution.sql)

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
        default = f"arn:aws:glue:{caller.region}:{caller.account}:database/default"
        for action in _DEFAULT_DATABASE if execution.statement_type == kinds.DDL else _DEFAULT_DATABASE[:1]:
            if not rights.allowed(caller, action, default):
                raise QueryFailed(f"Insufficient permissions to execute the query. {action} on resource: {default}")
        context = self._context(execution, caller)
        if self._reuse(execution, caller, context):
            return
        s3 = self._clients.client("s3", caller)
        try:
            result = self._loaded_engine().execute(_substituted(execution), context)
        finally:
            if context.written:
                files = context.written
                execution.manifest = results.upload_manifest(s3, execution.result_configuration, files)
        execution.engine_finished(result.statement_type, result.substatement_type, result.bytes_scanned)
        if execution.cutoff is not None and result.bytes_scanned > execution.cutoff:
            raise QueryFailed(f"{_OVER_THE_LIMIT} : Bytes scanned limit was exceeded")
        if execution.cancelled.is_set():
            raise QueryCancelled
        shown = execution.statement_type == kinds.DML and result.written is None
        header = [[column.name for column in result.columns]] if shown else []
        rows = [*header, *result.rows]
        lines = None if result.written is not None else results.csv_lines(rows) if header else results.text_lines(rows)
        if result.written is not None and execution.manifest is None:
            execution.manifest = results.upload_manifest(s3, execution.result_configuration, ())
        results.upload(s3, execution.result_configuration, lines, result.columns)
        self._pages.write(execution.id, result.columns, rows, result.written or 0)
        if not execution.finish(SUCCEEDED):
            self._pages.remove(execution.id)

    def _context(self, execution: Execution, caller: Caller) -> Any:
        return self._loaded_engine().QueryContext(
            database=execution.context.get("Database"),
            glue=self._clients.client("glue", caller),
            s3=self._clients.client("s3", caller),
            filesystem=self._clients.filesystem(caller),
            cancelled=execution.cancelled,
            bytes_scanned_cutoff=execution.cutoff,
            allowed=functools.partial(rights.allowed, caller),
            identifier=execution.id,
            tables=f"{execution.output}/tables/{execution.id}/",
            may_say_where=execution.may_say_where,
            encryption=results.encryption(execution.result_configuration),
            prepared=prepared.OfWorkgroup(caller, execution.workgroup),
        )

    def _reuse(self, execution: Execution, caller: Caller, context: Any) -> bool:
        """Whether an earlier result was taken; else the query has to run.

        The tables' rows are not looked at, only whether the caller has access to the tables, and to the result.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        earlier = self._executions.giving(execution)
        if earlier is None or not self._loaded_engine().is_repeatable(_substituted(execution), context):
            return False
        place = earlier.result_configuration
        bucket, key = results.split_uri(place["OutputLocation"])
        try:
            self._clients.client("s3", caller).head_object(Bucket=bucket, Key=key)
            self._pages.copy(earlier.id, execution.id)
        except (BotoCoreError, ClientError, FileNotFoundError):
            return False
        execution.engine_finished(earlier.statement_type, "SELECT", 0)
        execution.result_configuration, execution.reused = place, True
        execution.finish(SUCCEEDED)
        return True

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
        wanted = request["QueryExecutionIds"]
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
        if execution.manifest:
            key = f"{key}.metadata"
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


def _without_caller(operation: Callable[[Request], dict[str, Any]]) -> Operation:
    return lambda request, caller: operation(request)


def _substituted(execution: Execution) -> str:
    return parameters.substitute(execution.sql, execution.parameters) if execution.parameters else execution.sql


def _new_execution(request: Request, caller: Caller) -> Execution:
    """The execution that StartQueryExecution asks for; raises InvalidRequest when the request cannot be."""
    query = request["QueryString"]
    group = workgroups.find(request.get("WorkGroup"))
    if group.state != "ENABLED":
        raise InvalidRequest(f"WorkGroup {group.name} is disabled.")
    configuration = group.results(request.get("ResultConfiguration"))
    values = list(request.get("ExecutionParameters") or [])
    sql = query
    if kinds.leading_word(query) == "EXECUTE":
        sql = prepared.OfWorkgroup(caller, group.name).resolved(query, values)
        values = []
    kind = kinds.statement_type(sql)
    if values and kind != kinds.DML and not kinds.makes_table(sql):
        raise InvalidRequest("Execution parameters are only for SELECT, INSERT INTO, CREATE TABLE AS and UNLOAD")
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
        sql=sql,
        statement_type=kind,
        workgroup=group.name,
        result_configuration=configuration,
        context=context,
        parameters=values,
        cutoff=group.cutoff,
        may_say_where=not group.enforced,
        reuse_minutes=_reuse_minutes(request, group, configuration),
    )
    execution.output = configuration["OutputLocation"].rstrip("/")
    place = f"{execution.output}/{kinds.output_name(sql, execution.id)}"
    execution.result_configuration = {**configuration, "OutputLocation": place}
    return execution


def _reuse_minutes(request: Request, group: workgroups.WorkGroup, configuration: dict[str, Any]) -> int | None:
    """How old a result may be that is taken for this query's, None when none may be."""
    asked = (request.get("ResultReuseConfiguration") or {}).get("ResultReuseByAgeConfiguration") or {}
    if not asked.get("Enabled"):
        return None
    minutes = int(asked.get("MaxAgeInMinutes", _REUSE_MINUTES))
    own = group.result_configuration.get("OutputLocation")
    # A client that overrides the workgroup's configuration has no result reused.
    return None if own and own != configuration["OutputLocation"] else minutes
