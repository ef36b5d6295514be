"""QuickSight's resources in CloudFormation, made by the same operations as those of the API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_QuickSight.html. Nothing of a template is
passed over in silence: a property that is not the operation's is refused. What CloudFormation does here is not held to
IAM; AWS holds it to the rights of whoever deploys.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from localaws.protocol import AwsError, Request
from localaws.quicksight import permissions
from localaws.quicksight.operations import service_model
from localaws.quicksight.service import QuickSightService
from localaws.quicksight.store import (
    ANALYSIS,
    DASHBOARD,
    DATA_SET,
    DATA_SOURCE,
    THEME,
    Context,
    Record,
    Resource,
    Scope,
)

T = TypeVar("T")
Properties = dict[str, Any]
Made = tuple[str, Properties]

_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 600.0
# Of a data set, but no members of CreateDataSet.
_REFRESH, _WAIT = "DataSetRefreshProperties", "IngestionWaitPolicy"


@dataclass(frozen=True)
class Kind:
    """A type of resource: ``identifier`` are the properties of its physical id, in their order."""

    name: str
    kind: str
    identifier: tuple[str, str]

    @property
    def id_member(self) -> str:
        """The property that has its id."""
        return f"{self.name}Id"


_ACCOUNT = "AwsAccountId"
KINDS = {
    "AWS::QuickSight::Analysis": Kind("Analysis", ANALYSIS, ("AnalysisId", _ACCOUNT)),
    "AWS::QuickSight::Dashboard": Kind("Dashboard", DASHBOARD, (_ACCOUNT, "DashboardId")),
    "AWS::QuickSight::DataSet": Kind("DataSet", DATA_SET, (_ACCOUNT, "DataSetId")),
    "AWS::QuickSight::DataSource": Kind("DataSource", DATA_SOURCE, (_ACCOUNT, "DataSourceId")),
    "AWS::QuickSight::Theme": Kind("Theme", THEME, ("ThemeId", _ACCOUNT)),
}
SCHEDULE = "AWS::QuickSight::RefreshSchedule"
# createOnlyProperties of their schemas.
REPLACING = {
    **{name: (*kind.identifier, *(["Type"] if kind.kind == DATA_SOURCE else [])) for name, kind in KINDS.items()},
    SCHEDULE: (_ACCOUNT, "DataSetId"),
}


def attach(provisioners: Any, stacks: Any, service: QuickSightService, now: Callable[[], float]) -> None:
    """Add the resources to ministack's CloudFormation; ``now`` is in seconds since 1970."""
    for name, kind in KINDS.items():
        handler = Handler(kind, service, now)
        provisioners._RESOURCE_HANDLERS[name] = {
            "create": handler.create,
            "update": handler.update,
            "delete": handler.delete,
        }
    schedules = Schedules(service, now)
    provisioners._RESOURCE_HANDLERS[SCHEDULE] = {
        "create": schedules.create,
        "update": schedules.update,
        "delete": schedules.delete,
    }
    provisioners._REPLACING_PROPERTIES.update(REPLACING)
    in_thread = stacks._runs_on_worker_thread
    # They wait for what asks this very server, which must be able to answer meanwhile.
    stacks._runs_on_worker_thread = lambda name: name.startswith("AWS::QuickSight::") or in_thread(name)


class Handler:
    """Creates, updates and deletes resources of one type."""

    def __init__(self, kind: Kind, service: QuickSightService, now: Callable[[], float]) -> None:
        self._kind = kind
        self._service = service
        self._now = now

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        """CloudFormation's handler."""
        context = _context(self._now)
        request, apart = self._request(f"Create{self._kind.name}", properties)
        reply = answered(self._service, f"Create{self._kind.name}", context, request)
        try:
            self._finish(context, properties, apart, reply)
        except ValueError:
            self._remove(context, request[self._kind.id_member])
            raise
        return self._made(context, properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """CloudFormation's handler."""
        context = _context(self._now)
        operation = f"Update{self._kind.name}"
        request, apart = self._request(f"Create{self._kind.name}", new)
        known = service_model().operation_model(operation).input_shape.members
        resource = self._resource(context, new)
        if self._kind.kind == DATA_SET and resource.more.get("refresh") and _REFRESH not in apart:
            answered(self._service, "DeleteDataSetRefreshProperties", context, _named(request, "DataSetId"))
        changed = {name: value for name, value in request.items() if name in known}
        reply = answered(self._service, operation, context, changed)
        given = _refusing(lambda: permissions.granted(self._kind.kind, request.get("Permissions", [])))
        resource.permissions, resource.tags = given, request.get("Tags", [])
        self._finish(context, new, apart, reply)
        return self._made(context, new)

    def delete(self, physical_id: str, properties: Properties) -> None:
        """CloudFormation's handler."""
        parts = dict(zip(self._kind.identifier, physical_id.split("|"), strict=False))
        identifier = parts.get(self._kind.id_member)
        if identifier:
            self._remove(_context(self._now), identifier)

    def _request(self, operation: str, properties: Properties) -> tuple[Request, Properties]:
        """The request of a resource's properties, and those of a data set that are no members of it."""
        apart = {
            name: properties[name] for name in (_REFRESH, _WAIT) if self._kind.kind == DATA_SET and name in properties
        }
        shape = service_model().operation_model(operation).input_shape
        given = {name: value for name, value in properties.items() if name not in apart}
        return coerced(shape, given), apart

    def _finish(self, context: Context, properties: Properties, apart: Properties, reply: Record) -> None:
        """Wait until all is well; raises ValueError when it is not."""
        resource = self._resource(context, properties)
        if self._kind.kind == DATA_SOURCE:
            _wait(lambda: not resource.record["Status"].endswith("IN_PROGRESS"), resource.arn)
            _check(resource.record["Status"], [resource.record.get("ErrorInfo") or {}])
        elif self._kind.kind == DATA_SET:
            self._finish_data_set(context, resource, apart, reply)
        elif self._kind.kind == ANALYSIS:
            _check(resource.record["Status"], resource.record.get("Errors", []))
        elif self._kind.kind == DASHBOARD:
            version = resource.more["versions"][-1]
            _check(version["Status"], version.get("Errors", []))
            request = {_ACCOUNT: context.scope.account, "DashboardId": resource.id}
            number = {"VersionNumber": version["VersionNumber"]}
            answered(self._service, "UpdateDashboardPublishedVersion", context, {**request, **number})

    def _finish_data_set(self, context: Context, resource: Resource, apart: Properties, reply: Record) -> None:
        request = {_ACCOUNT: context.scope.account, "DataSetId": resource.id}
        if _REFRESH in apart:
            shape = service_model().shape_for(_REFRESH)
            given = coerced(shape, apart[_REFRESH])
            answered(self._service, "PutDataSetRefreshProperties", context, {**request, _REFRESH: given})
        policy = apart.get(_WAIT) or {}
        if unknown := policy.keys() - {"WaitForSpiceIngestion", "IngestionWaitTimeInHours"}:
            raise ValueError(f"Unknown member '{_WAIT}.{min(unknown)}'")
        # It is waited for unless the policy says otherwise.
        if "IngestionId" not in reply or str(policy.get("WaitForSpiceIngestion", True)).lower() == "false":
            return
        request["IngestionId"] = reply["IngestionId"]

        def ingestion() -> Record:
            found: Record = answered(self._service, "DescribeIngestion", context, request)["Ingestion"]
            return found

        _wait(lambda: ingestion()["IngestionStatus"] in ("COMPLETED", "FAILED", "CANCELLED"), reply["IngestionArn"])
        if ingestion()["IngestionStatus"] != "COMPLETED":
            error = ingestion().get("ErrorInfo", {})
            raise ValueError(f"Ingestion {reply['IngestionId']} is {ingestion()['IngestionStatus']}: {error}")

    def _made(self, context: Context, properties: Properties) -> Made:
        resource = self._resource(context, properties)
        shown = ("CreatedTime", "LastUpdatedTime", "LastPublishedTime")
        moments = {name: str(resource.record[name]) for name in shown if name in resource.record}
        return "|".join(str(properties[name]) for name in self._kind.identifier), {"Arn": resource.arn, **moments}

    def _resource(self, context: Context, properties: Properties) -> Resource:
        identifier = str(properties[self._kind.id_member])
        return _refusing(lambda: self._service.store.get(context.scope, self._kind.kind, identifier))

    def _remove(self, context: Context, identifier: str) -> None:
        request: Request = {_ACCOUNT: context.scope.account, self._kind.id_member: identifier}
        if self._kind.kind == ANALYSIS:
            # AWS's handler does not document whether it leaves the id taken for 30 days.
            request["ForceDeleteWithoutRecovery"] = True
        try:
            self._service.answer(f"Delete{self._kind.name}", context, request)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise ValueError(str(error)) from error


class Schedules:
    """Creates, updates and deletes refresh schedules, whose ids are inside of their property Schedule."""

    def __init__(self, service: QuickSightService, now: Callable[[], float]) -> None:
        self._service = service
        self._now = now

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        """CloudFormation's handler."""
        return self._put("CreateRefreshSchedule", properties)

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        """CloudFormation's handler; another id is another schedule."""
        if (old.get("Schedule") or {}).get("ScheduleId") == (new.get("Schedule") or {}).get("ScheduleId"):
            return self._put("UpdateRefreshSchedule", new)
        made = self._put("CreateRefreshSchedule", new)
        self.delete(physical_id, old)
        return made

    def delete(self, physical_id: str, properties: Properties) -> None:
        """CloudFormation's handler."""
        account, data_set, schedule = [*physical_id.split("|"), "", ""][:3]
        request = {_ACCOUNT: account, "DataSetId": data_set, "ScheduleId": schedule}
        try:
            self._service.answer("DeleteRefreshSchedule", _context(self._now), request)
        except AwsError as error:
            if error.code not in ("ResourceNotFoundException", "InvalidParameterValueException"):
                raise ValueError(str(error)) from error

    def _put(self, operation: str, properties: Properties) -> Made:
        context = _context(self._now)
        given = coerced(service_model().operation_model(operation).input_shape, _as_in_the_api(properties))
        reply = answered(self._service, operation, context, given)
        names = (context.scope.account, given["DataSetId"], reply["ScheduleId"])
        return "|".join(names), {"Arn": reply["Arn"]}


def coerced(shape: Any, value: Any) -> Any:
    """A template's value as a value of a shape: CloudFormation makes numbers and booleans of texts, and the reverse."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        return {
            name: coerced(shape.members[name], each) if name in shape.members else each
            for name, each in value.items()
            if each is not None
        }
    if kind == "list" and isinstance(value, list):
        return [coerced(shape.member, each) for each in value]
    if kind == "map" and isinstance(value, dict):
        return {name: coerced(shape.value, each) for name, each in value.items()}
    if kind == "boolean" and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    if kind in ("integer", "long") and re.fullmatch(r"-?\d+(\.0)?", str(value)):
        return int(float(value))
    if kind in ("double", "float") and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    if kind == "string" and isinstance(value, (int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def answered(service: QuickSightService, operation: str, context: Context, request: Request) -> Record:
    """An operation's reply; raises ValueError, with which CloudFormation fails a resource."""
    return _refusing(lambda: service.answer(operation, context, request))


def _refusing(call: Callable[[], T]) -> T:
    try:
        return call()
    except AwsError as error:
        raise ValueError(f"{error.message} (Service: QuickSight, Error Code: {error.code})") from error


def _context(now: Callable[[], float]) -> Context:
    from ministack.core.responses import get_account_id, get_region

    return Context(Scope(get_account_id(), get_region()), now())


def _as_in_the_api(properties: Properties) -> Properties:
    """A schedule's zone is TimeZone in templates, Timezone in the API; its begin is a text, and seconds."""
    schedule = dict(properties.get("Schedule") or {})
    frequency = dict(schedule.get("ScheduleFrequency") or {})
    if "Timezone" in frequency:
        raise ValueError("Unknown member 'Schedule.ScheduleFrequency.Timezone'; in templates it is TimeZone")
    if "TimeZone" in frequency:
        frequency["Timezone"] = frequency.pop("TimeZone")
    if frequency:
        schedule["ScheduleFrequency"] = frequency
    begin = schedule.get("StartAfterDateTime")
    if begin is not None:
        try:
            moment = datetime.fromisoformat(str(begin).replace("Z", "+00:00"))
        except ValueError as error:
            raise ValueError(f"Schedule.StartAfterDateTime is {begin!r}, expected YYYY-MM-DDTHH:MM:SS") from error
        schedule["StartAfterDateTime"] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return {**properties, "Schedule": schedule}


def _named(request: Request, member: str) -> Request:
    return {_ACCOUNT: request.get(_ACCOUNT), member: request.get(member)}


def _check(status: str, errors: list[Record]) -> None:
    if status.endswith("FAILED"):
        raise ValueError("; ".join(f"{each.get('Type')}: {each.get('Message')}" for each in errors) or status)


def _wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise ValueError(f"{what} did not come to an end")
        time.sleep(_POLL_SECONDS)
