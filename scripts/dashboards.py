"""The dashboards' stack in QuickSight: deployed beside the lake's, for the principal of the configuration.

Its data sets read views, which the lake makes once there are tables. CloudFormation makes a data set only after its
first ingestion, so the views are looked for before, and what is missing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.quicksight import names
from lakelanes.dashboards.quicksight.template import dashboards_template
from lakelanes.dashboards.view_columns import ColumnKind, hive_kind, view_columns
from lakelanes.errors import DashboardError, ViewError
from scripts.change_sets import DeployError, Deployment, Upload, apply, describe
from scripts.templates import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_glue import GlueClient

# Types of Athena that QuickSight reads as the same.
_ALIKE: Mapping[str, str] = {"date": "timestamp"}


def dashboards_stack_name(lake_stack: str) -> str:
    """The stack of a lake's dashboards."""
    return f"{lake_stack}-dashboards"


def dashboards_parameters(config: LakeConfig) -> dict[str, str]:
    """The values of the template's parameters."""
    resources = config.resources
    return {
        "Prefix": names.prefix(config),
        "PrincipalArn": config.deployment.dashboards_principal or "",
        "DatabaseName": resources.glue_database,
        "WorkgroupName": resources.workgroup_name,
        "AnalyticsBucketName": resources.analytics_bucket,
    }


def deploy_dashboards(
    config: LakeConfig,
    cloudformation: CloudFormationClient,
    glue: GlueClient,
    lake_stack: str,
    *,
    upload: Upload | None = None,
) -> Deployment | str | None:
    """Create or update the stack of the dashboards, and wait until it is done.

    Returns what was done; a text for people where nothing could be, or something is left over; None where no dashboards
    are wanted. Raises DeployError for a dashboard that QuickSight could not show, a view whose columns are others than
    the data sets', and for what ``change_sets.apply`` says.
    """
    name = dashboards_stack_name(lake_stack)
    if config.deployment.dashboards_principal is None:
        if describe(cloudformation, name) is None:
            return None
        return (
            f"stack {name}: left as it is, for deployment.dashboards_principal is not set; "
            f"`aws cloudformation delete-stack --stack-name {name}` deletes the dashboards"
        )
    try:
        template: Template = dashboards_template(config)
    except (DashboardError, ViewError) as error:
        raise DeployError(str(error)) from error
    missing, faults = [], []
    for view, columns in _views(template).items():
        found = _glue_columns(config, glue, view)
        if found is None:
            missing.append(view)
        else:
            faults += list(_differences(config, view, columns, found))
    if missing:
        return (
            f"stack {name}: not deployed, for the dashboards read views that are not there yet: {', '.join(missing)}. "
            "Load files, let refresh_views run (`airflow dags trigger refresh_views`), and deploy again"
        )
    if faults:
        raise DeployError(
            "\n  ".join(
                [
                    "views differ from what the configuration makes of their SQL:",
                    *faults,
                    "Let refresh_views run (`airflow dags trigger refresh_views`), CAST in the view what has another "
                    "type all the same, and deploy again",
                ]
            )
        )
    return apply(cloudformation, name, template, dashboards_parameters(config), upload=upload)


def _views(template: Template) -> dict[str, list[str]]:
    """The views that the data sets read, with the columns that they take."""
    found: dict[str, list[str]] = {}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::QuickSight::DataSet":
            for table in resource["Properties"]["PhysicalTableMap"].values():
                relational = table["RelationalTable"]
                found[relational["Name"]] = [column["Name"] for column in relational["InputColumns"]]
    return found


def _glue_columns(config: LakeConfig, glue: GlueClient, view: str) -> dict[str, ColumnKind] | None:
    """The columns that a view has in Glue; None where there is no such view."""
    try:
        table: Any = glue.get_table(DatabaseName=config.resources.glue_database, Name=view)["Table"]
    except glue.exceptions.EntityNotFoundException:
        return None
    columns = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
    return {column["Name"]: hive_kind(column["Type"]) for column in columns}


def _differences(config: LakeConfig, view: str, columns: list[str], found: Mapping[str, ColumnKind]) -> Iterator[str]:
    expected = view_columns(config).columns[view]
    for column in columns:
        if column not in found:
            yield f"{view} has no column {column}"
        elif _ALIKE.get(found[column], found[column]) != _ALIKE.get(expected[column], expected[column]):
            yield f"{view}.{column} is {found[column]}, expected {expected[column]}"
