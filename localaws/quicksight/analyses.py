"""Analyses, and their deletion, which can be undone for some days.

https://docs.aws.amazon.com/quicksight/latest/APIReference/API_CreateAnalysis.html and API_DeleteAnalysis.html
"""

from __future__ import annotations

from localaws.protocol import AwsError, Request
from localaws.quicksight import permissions
from localaws.quicksight.boards import checked, described
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import ANALYSIS, Context, Record, Resource, Store, page

_SHAPE = "AnalysisDefinition"
_SHOWN = ("Arn", "AnalysisId", "Name", "Status", "CreatedTime", "LastUpdatedTime")
_DAY_SECONDS = 24 * 3600
_DELETED = "DELETED"


class Analyses:
    """The operations on analyses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, context: Context, request: Request) -> Record:
        """CreateAnalysis."""
        self._purge(context)
        made = checked(self._store, context, _SHAPE, request)
        permitted = permissions.granted(ANALYSIS, request.get("Permissions", []))
        resource = self._store.create(context, ANALYSIS, request["AnalysisId"], request)
        resource.permissions = permitted
        _define(resource, request, made, "CREATION")
        return {"Arn": resource.arn, "AnalysisId": resource.id, "CreationStatus": "CREATION_IN_PROGRESS"}

    def update(self, context: Context, request: Request) -> Record:
        """UpdateAnalysis: one whose new definition has errors keeps the one before."""
        resource = self.find(context, request)
        if resource.record["Status"] == _DELETED:
            raise AwsError("ConflictException", f"Analysis {resource.id} is scheduled for deletion")
        made = checked(self._store, context, _SHAPE, request)
        _define(resource, request, made, "UPDATE")
        resource.record["LastUpdatedTime"] = context.now
        return {"Arn": resource.arn, "AnalysisId": resource.id, "UpdateStatus": "UPDATE_IN_PROGRESS"}

    def describe(self, context: Context, request: Request) -> Record:
        """DescribeAnalysis."""
        return {"Analysis": self.find(context, request).record}

    def describe_definition(self, context: Context, request: Request) -> Record:
        """DescribeAnalysisDefinition."""
        resource = self.find(context, request)
        record = resource.record
        return described(resource.id, record["Name"], {**resource.more, **record}, record["Status"], "AnalysisId")

    def delete(self, context: Context, request: Request) -> Record:
        """DeleteAnalysis: at once where that is forced, else after 7 to 30 days, until which the id is taken."""
        resource = self.find(context, request)
        reply: Record = {"Arn": resource.arn, "AnalysisId": resource.id}
        if request.get("ForceDeleteWithoutRecovery"):
            if "RecoveryWindowInDays" in request:
                raise AwsError(INVALID, "RecoveryWindowInDays does not go with ForceDeleteWithoutRecovery")
            self._store.remove(resource)
            return reply
        resource.record["Status"] = _DELETED
        resource.more["deletion"] = context.now + request.get("RecoveryWindowInDays", 30) * _DAY_SECONDS
        return {**reply, "DeletionTime": resource.more["deletion"]}

    def restore(self, context: Context, request: Request) -> Record:
        """RestoreAnalysis."""
        resource = self.find(context, request)
        if resource.record["Status"] != _DELETED:
            raise AwsError(INVALID, f"Analysis {resource.id} is not scheduled for deletion")
        resource.record["Status"] = "CREATION_SUCCESSFUL"
        return {"Arn": resource.arn, "AnalysisId": resource.id}

    def every(self, context: Context, request: Request) -> Record:
        """ListAnalyses."""
        self._purge(context)
        found = [{name: each.record[name] for name in _SHOWN} for each in self._store.every(context.scope, ANALYSIS)]
        return page(request, found, "AnalysisSummaryList")

    def find(self, context: Context, request: Request) -> Resource:
        """The one that a request names; raises ResourceNotFoundException."""
        self._purge(context)
        return self._store.get(context.scope, ANALYSIS, request["AnalysisId"])

    def _purge(self, context: Context) -> None:
        for each in self._store.every(context.scope, ANALYSIS):
            if each.record.get("Status") == _DELETED and each.more["deletion"] <= context.now:
                self._store.remove(each)


def _define(resource: Resource, request: Request, made: Record, verb: str) -> None:
    failed = "Errors" in made
    resource.record.update(AnalysisId=resource.id, Name=request["Name"])
    resource.record["Status"] = f"{verb}_FAILED" if failed else f"{verb}_SUCCESSFUL"
    resource.record.pop("Errors", None)
    if failed:
        resource.record["Errors"] = made["Errors"]
    if not failed or "Definition" not in resource.more:
        resource.more["Definition"] = made["Definition"]
        for name in ("DataSetArns", "Sheets", "ThemeArn"):
            resource.record.pop(name, None)
            if name in made:
                resource.record[name] = made[name]
