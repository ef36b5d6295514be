"""What analyses and dashboards have in common: how a request's Definition becomes what Describe shows."""

from __future__ import annotations

from localaws.protocol import AwsError, Request
from localaws.quicksight import definitions
from localaws.quicksight.operations import INVALID
from localaws.quicksight.store import Context, Record, Store, not_supported
from localaws.quicksight.themes import check_theme

# What only a dashboard or analysis made of a template has.
_ABSENT = ("SourceEntity", "Parameters", "LinkSharingConfiguration", "LinkEntities")


def checked(store: Store, context: Context, shape: str, request: Request) -> Record:
    """The Definition, Errors, DataSetArns, Sheets and ThemeArn of a request.

    Raises InvalidParameterValueException for a request that is not of a Definition, and AccessDeniedException for a
    data set that the caller may not pass on.
    """
    for member in _ABSENT:
        if request.get(member):
            raise not_supported(member)
    if request.get("ValidationStrategy", {}).get("Mode", "STRICT") != "STRICT":
        raise not_supported("ValidationStrategy.Mode LENIENT")
    if "Definition" not in request:
        raise AwsError(INVALID, "'Definition' is missing, and templates are not supported by the local AWS")
    check_theme(store, context.scope, request.get("ThemeArn"))
    definition = request["Definition"]
    found = definitions.check(store, context.scope, shape, definition)
    for arn in found.data_sets:
        context.check_right("quicksight:PassDataSet", arn)
    made: Record = {
        "Definition": definition,
        "DataSetArns": found.data_sets,
        "Sheets": [
            {"SheetId": sheet["SheetId"], **({"Name": sheet["Name"]} if "Name" in sheet else {})}
            for sheet in definition.get("Sheets", [])
        ],
    }
    if found.errors:
        made["Errors"] = found.errors
    if request.get("ThemeArn"):
        made["ThemeArn"] = request["ThemeArn"]
    return made


def described(resource_id: str, name: str, made: Record, status: str, member: str) -> Record:
    """The reply of Describe...Definition."""
    reply = {member: resource_id, "Name": name, "ResourceStatus": status, "Definition": made["Definition"]}
    return reply | {key: made[key] for key in ("Errors", "ThemeArn", "DashboardPublishOptions") if key in made}
