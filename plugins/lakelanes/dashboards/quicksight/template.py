"""The template of the dashboards' stack: role, data source, data sets, theme, analyses, dashboards.

It is made of include/dashboards and the views' columns; infrastructure/dashboards.yaml is this for include/lake.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lakelanes.catalog.views import VIEWS, read_views
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.faults import reference_faults
from lakelanes.dashboards.loading import DASHBOARDS, datasets_of, read_dashboards, without_views
from lakelanes.dashboards.model import Dashboard
from lakelanes.dashboards.quicksight.checks import MOST_BYTES, template_faults
from lakelanes.dashboards.quicksight.data_sets import DATA_SOURCE, data_set, data_set_resource, data_source
from lakelanes.dashboards.quicksight.definitions import board, definition
from lakelanes.dashboards.quicksight.resources import Properties, logical_id
from lakelanes.dashboards.quicksight.role import role, tables_read
from lakelanes.dashboards.quicksight.theme import theme
from lakelanes.dashboards.view_columns import Columns, view_columns
from lakelanes.errors import DashboardError

_HEADER = (
    "# Made by `lakelanes quicksight` of include/dashboards and the views' columns: change those, and write it anew.\n"
    "# `make check` compares. scripts/deploy.py deploys it (docs/quicksight.md).\n"
)
_PARAMETERS: dict[str, Properties] = {
    "Prefix": {
        "Type": "String",
        "Description": "What the ids of all objects in QuickSight begin with, unlike those of another lake.",
        "AllowedPattern": r"[A-Za-z0-9_-]{1,100}",
    },
    "PrincipalArn": {
        "Type": "String",
        "Description": "ARN of whoever in QuickSight sees the dashboards (deployment.dashboards_principal).",
        "AllowedPattern": r"arn:aws[a-z-]*:quicksight:[a-z0-9-]+:\d{12}:(user|group|namespace)/.+",
    },
    "DatabaseName": {
        "Type": "String",
        "Description": "Glue database of the lake (resources.glue_database).",
    },
    "WorkgroupName": {
        "Type": "String",
        "Description": "Athena workgroup of the lake (resources.workgroup_name).",
    },
    "AnalyticsBucketName": {
        "Type": "String",
        "Description": "Bucket of the tables and of Athena's results (resources.analytics_bucket).",
    },
}


def dashboards_template(config: LakeConfig, dashboards: Path = DASHBOARDS, views: Path = VIEWS) -> Properties:
    """The template, with CloudFormation's functions in their long forms.

    dashboards, views: the directories of their files. What reads views that the configuration does not make is left
    out. Raises DashboardError for what QuickSight could not show, what ``read_dashboards`` and ``read_views`` raise.
    """
    every, known = read_dashboards(dashboards), view_columns(config, views)
    columns, found = known.columns, without_views(every, known.left_out)
    if faults := [*reference_faults(every, columns, known.left_out), *_nested(found, columns)]:
        raise DashboardError(faults)
    if not found:
        raise DashboardError(["there is no dashboard of views that this configuration makes"])
    datasets = datasets_of(found)
    tables = tables_read(config, read_views(views), {one.view for one in datasets.values()})
    resources: Properties = {
        "Role": role(tables),
        DATA_SOURCE: data_source(),
        **{data_set_resource(name): data_set(name, one, columns[one.view]) for name, one in datasets.items()},
        "Theme": theme(),
    }
    for one in found:
        made = definition(one, columns)
        for kind in ("Analysis", "Dashboard"):
            resources[logical_id(kind, one.name)] = board(kind, one, made)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Lakelanes - the dashboards of one lake in QuickSight.",
        "Parameters": _PARAMETERS,
        "Resources": resources,
        "Outputs": _outputs(found),
    }
    if faults := template_faults(template, columns):
        raise DashboardError(faults)
    if (size := len(json.dumps(template, separators=(",", ":")).encode())) > MOST_BYTES:
        raise DashboardError([f"their template has {size} bytes, and CloudFormation takes {MOST_BYTES}"])
    return template


def text(template: Properties) -> str:
    """The template as YAML, the same for the same template."""
    dumped: str = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    # As people write them: names without quotes, and a line between resources.
    plain = re.sub(r"(?m)^( *(?:- )?\w+: !(?:Ref|GetAtt)) '([\w:.]+)'$", r"\1 \2", dumped)
    return _HEADER + re.sub(r"(?m)^(?=(?:[A-Z]\w*|  [A-Z]\w*):$)", "\n", plain).replace(":\n\n", ":\n")


def _outputs(dashboards: Iterable[Dashboard]) -> Properties:
    address = "https://${AWS::Region}.quicksight.aws.amazon.com/sn/dashboards/${Prefix}-"
    return {
        logical_id("Dashboard", one.name): {"Description": one.title, "Value": {"Fn::Sub": f"{address}{one.name}"}}
        for one in dashboards
    }


def _nested(dashboards: Iterable[Dashboard], views: dict[str, Columns]) -> Iterable[str]:
    """Counts of columns that no data set has, which Athena's SQL could count."""
    for dashboard in dashboards:
        for at, sheet in enumerate(dashboard.sheets):
            for index, visual in enumerate(sheet.visuals):
                columns = views.get(dashboard.datasets[visual.dataset].view, {})
                for number, measure in enumerate(visual.y):
                    for setting, name in measure.operands:
                        if columns.get(name) in ("other", "unknown"):
                            yield (
                                f"{dashboard.name}.json: sheets[{at}].visuals[{index}].y[{number}].{setting}: {name!r} "
                                "is of no type that QuickSight has; CAST it in the view"
                            )


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes lists indented, functions in their short forms, and everything in full where it stands twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _mapping(dumper: Any, value: Properties) -> Any:
    if len(value) == 1:
        ((name, operand),) = value.items()
        short = name.removeprefix("Fn::")
        if name in ("Ref", "Fn::Sub"):
            return dumper.represent_scalar(f"!{short}", operand)
        if name == "Fn::GetAtt":
            return dumper.represent_scalar(f"!{short}", ".".join(operand))
    return dumper.represent_dict(value.items())


_Dumper.add_representer(dict, _mapping)
