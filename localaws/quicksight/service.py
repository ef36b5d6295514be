"""QuickSight's API: finds the operation, holds its request against the definition, and answers it.

https://docs.aws.amazon.com/quicksight/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localaws.access import Caller, Clients
from localaws.clock import MICROS, ServiceClock, isoformat
from localaws.control import ControlError, members
from localaws.protocol import AwsError, Headers, Reply, Request
from localaws.quicksight import operations, permissions, refreshes, spice
from localaws.quicksight.analyses import Analyses
from localaws.quicksight.dashboards import Dashboards
from localaws.quicksight.data_sets import DataSets
from localaws.quicksight.data_sources import DataSources
from localaws.quicksight.ingestions import Ingestions
from localaws.quicksight.loading import Loader
from localaws.quicksight.plan import Plan
from localaws.quicksight.reading import Athena
from localaws.quicksight.store import DATA_SET, Context, Record, Resource, Scope, Store
from localaws.quicksight.tags import Tags
from localaws.quicksight.themes import Themes

logger = logging.getLogger("localaws.quicksight")

_ACTIVE_REQUESTS = 8

Operation = Callable[[Context, Request], Record]


class QuickSightService:
    """QuickSight's handler, and what CloudFormation and the controls reach of it."""

    def __init__(self, endpoint_url: str, clock: ServiceClock, ingestion_seconds: float) -> None:
        self._clock = clock
        self.store = Store()
        self.spice = spice.Spice()
        self.plan = Plan(ingestion_seconds, _error_kinds)
        athena = Athena(Clients(endpoint_url))
        loader = Loader(clock, self.store, athena, self.spice)
        self.ingestions = Ingestions(clock, loader, self.spice, self.plan)
        self.data_sources = DataSources(self.store, athena)
        self.data_sets = DataSets(self.store, self.ingestions, self.spice)
        self.analyses = Analyses(self.store)
        self.dashboards = Dashboards(self.store)
        self.themes = Themes(self.store)
        self.tags = Tags(self.store)
        # Threads of their own: a request that waits for something never keeps others from being answered.
        self._requests = ThreadPoolExecutor(_ACTIVE_REQUESTS, thread_name_prefix="quicksight-request")
        self.operations: dict[str, Operation] = {
            **self._of_sources(),
            **self._of_data_sets(),
            **self._of_ingestions(),
            **self._of_boards(),
            **self._of_themes_and_tags(),
        }

    async def handle(self, method: str, path: str, headers: Headers, body: bytes, query: dict[str, list[str]]) -> Reply:
        """Answer one request; the arguments and the result are ministack's."""
        try:
            found = operations.operation_of(method, path)
            if found is None:
                raise AwsError("UnknownOperationException", f"QuickSight has no operation {method} {path}", status=404)
            name, in_path = found
            request = operations.members_of(name, in_path, query, body)
            caller = Caller.of_request(headers, query)
            context = Context(Scope(caller.account, caller.region), self._clock.seconds(), caller)
            run = functools.partial(contextvars.copy_context().run, self.answer, name, context, request)
            return operations.reply(await asyncio.get_running_loop().run_in_executor(self._requests, run))
        except AwsError as error:
            return operations.error_reply(error)

    def answer(self, name: str, context: Context, request: Request) -> Record:
        """An operation's reply; raises the service's errors."""
        operation = self.operations.get(name)
        if operation is None:
            raise AwsError("UnknownOperationException", f"The local QuickSight does not offer the operation {name!r}")
        operations.DEFINITION.check_request(name, request)
        account = request.get("AwsAccountId", context.scope.account)
        if account != context.scope.account:
            raise AwsError("AccessDeniedException", f"{account} is not the account of the request's credentials")
        return operation(context, request)

    def reset(self) -> None:
        """Forget everything."""
        self.ingestions.reset()
        self.store.reset()
        self.spice.reset()
        self.plan.reset()

    def ingestions_control(self, request: Request) -> Request:
        """The control ``quicksight/ingestions``: what is planned, and the ingestions that are not over."""
        return {**self.plan.control(request), "active": self.ingestions.active()}

    def spice_control(self, request: Request) -> Request:
        """The control ``quicksight/spice``: rows of a data set as its readers see them."""
        members(request, data_set=str, account=str, region=str, offset=int, limit=int)
        found = [
            each
            for each in self.store.named(DATA_SET, request.get("data_set", ""))
            if each.scope == (request.get("account", each.scope.account), request.get("region", each.scope.region))
        ]
        if len(found) != 1:
            raise ControlError(f"{len(found)} data sets have the id {request.get('data_set')!r}, expected one")
        copy = self.spice.get(found[0].arn)
        return spice.shown(
            copy,
            lambda seconds: isoformat(round(seconds * MICROS)),
            request.get("offset", 0),
            request.get("limit"),
        )

    def _of_sources(self) -> dict[str, Operation]:
        sources = self.data_sources
        return {
            "CreateDataSource": sources.create,
            "DeleteDataSource": sources.delete,
            "DescribeDataSource": sources.describe,
            "ListDataSources": sources.every,
            "UpdateDataSource": sources.update,
            **_of_permissions("DataSource", sources.find),
        }

    def _of_data_sets(self) -> dict[str, Operation]:
        sets = self.data_sets
        find = sets.find
        return {
            "CreateDataSet": sets.create,
            "DeleteDataSet": sets.delete,
            "DescribeDataSet": sets.describe,
            "ListDataSets": sets.every,
            "UpdateDataSet": sets.update,
            **_of_permissions("DataSet", find),
            "CreateRefreshSchedule": lambda context, request: refreshes.create_schedule(
                context, find(context, request), request
            ),
            "DeleteDataSetRefreshProperties": lambda context, request: refreshes.delete_properties(
                find(context, request)
            ),
            "DeleteRefreshSchedule": lambda context, request: refreshes.delete_schedule(
                find(context, request), request
            ),
            "DescribeDataSetRefreshProperties": lambda context, request: refreshes.describe_properties(
                find(context, request)
            ),
            "DescribeRefreshSchedule": lambda context, request: refreshes.describe_schedule(
                find(context, request), request
            ),
            "ListRefreshSchedules": lambda context, request: refreshes.every_schedule(find(context, request)),
            "PutDataSetRefreshProperties": lambda context, request: refreshes.put_properties(
                find(context, request), request
            ),
            "UpdateRefreshSchedule": lambda context, request: refreshes.update_schedule(
                context, find(context, request), request
            ),
        }

    def _of_ingestions(self) -> dict[str, Operation]:
        find = self.data_sets.find
        return {
            "CancelIngestion": lambda context, request: self.ingestions.cancel(find(context, request), request),
            "CreateIngestion": self._create_ingestion,
            "DescribeIngestion": lambda context, request: self.ingestions.describe(find(context, request), request),
            "ListIngestions": lambda context, request: self.ingestions.every(find(context, request), request),
        }

    def _of_boards(self) -> dict[str, Operation]:
        analyses, dashboards = self.analyses, self.dashboards
        return {
            "CreateAnalysis": analyses.create,
            "CreateDashboard": dashboards.create,
            "DeleteAnalysis": analyses.delete,
            "DeleteDashboard": dashboards.delete,
            "DescribeAnalysis": analyses.describe,
            "DescribeAnalysisDefinition": analyses.describe_definition,
            "DescribeDashboard": dashboards.describe,
            "DescribeDashboardDefinition": dashboards.describe_definition,
            "ListAnalyses": analyses.every,
            "ListDashboardVersions": dashboards.versions,
            "ListDashboards": dashboards.every,
            "RestoreAnalysis": analyses.restore,
            "UpdateAnalysis": analyses.update,
            "UpdateDashboard": dashboards.update,
            "UpdateDashboardPublishedVersion": dashboards.publish,
            **_of_permissions("Analysis", analyses.find),
            **_of_permissions("Dashboard", dashboards.find),
        }

    def _of_themes_and_tags(self) -> dict[str, Operation]:
        return {
            "CreateTheme": self.themes.create,
            "DeleteTheme": self.themes.delete,
            "DescribeTheme": self.themes.describe,
            "ListTagsForResource": self.tags.every,
            "ListThemes": self.themes.every,
            "TagResource": self.tags.add,
            "UntagResource": self.tags.remove,
            "UpdateTheme": self.themes.update,
            **_of_permissions("Theme", self.themes.find),
        }

    def _create_ingestion(self, context: Context, request: Request) -> Record:
        data_set = self.data_sets.find(context, request)
        refusal = self.plan.refusal(data_set.id)
        if refusal is not None and not refusal[1]:
            raise refusal[0]
        reply = self.ingestions.create(context, data_set, request)
        if refusal is not None:
            raise refusal[0]
        return reply


def _of_permissions(name: str, find: Callable[[Context, Request], Resource]) -> dict[str, Operation]:
    """Describe...Permissions and Update...Permissions of a kind of resource."""

    def described(context: Context, request: Request) -> Record:
        return _permissions(name, find(context, request))

    def updated(context: Context, request: Request) -> Record:
        resource = find(context, request)
        permissions.change(resource, request)
        # Those of data sources and data sets are replied by name alone.
        return {} if name in ("DataSource", "DataSet") else _permissions(name, resource)

    return {f"Describe{name}Permissions": described, f"Update{name}Permissions": updated}


def _permissions(name: str, resource: Resource) -> Record:
    return {f"{name}Arn": resource.arn, f"{name}Id": resource.id, "Permissions": resource.permissions}


def _error_kinds() -> list[str]:
    kinds: Any = operations.service_model().shape_for("IngestionErrorType").enum
    return list(kinds)
