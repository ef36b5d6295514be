"""infrastructure/dashboards.yaml against what is published of QuickSight: botocore's definition, cfn-lint's schemas.

What CloudFormation calls the members of a Definition, the API calls the same. The local AWS's own check is used for the
first: members, enums, patterns, lengths, ranges.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localaws.protocol import AwsError
from localaws.quicksight.operations import DEFINITION, service_model
from scripts import templates
from tests.support.localaws import REPOSITORY

FILE = REPOSITORY / "infrastructure" / "dashboards.yaml"
TEMPLATE = templates.load(FILE)
# Of a data set in CloudFormation; in the API an operation of its own.
APART = "DataSetRefreshProperties"
BOARDS = [name for name, one in TEMPLATE["Resources"].items() if one["Type"].startswith("AWS::QuickSight::")]


def filled(value: Any, name: str = "") -> Any:
    """A part of the template as a request has it: texts in the place of references."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("Ref", "Fn::Sub", "Fn::GetAtt"):
            if name == "Principal":
                return "arn:aws:quicksight:us-east-1:123456789012:group/default/all"
            if name == "AwsAccountId":
                return "123456789012"
            return "lake-x" if name.endswith("Id") else "arn:aws:iam::123456789012:role/a"
        return {key: filled(each, key) for key, each in value.items()}
    return [filled(each, name) for each in value] if isinstance(value, list) else value


def check(resource: dict[str, Any]) -> None:
    """Holds a resource against the operation that makes it. Raises AwsError."""
    properties = filled({name: value for name, value in resource["Properties"].items() if name != APART})
    kind = resource["Type"].rpartition("::")[2]
    if "RoleArn" in str(properties):
        properties["DataSourceParameters"]["AthenaParameters"]["WorkGroup"] = "primary"
    DEFINITION.check_request(f"Create{kind}", properties)
    if APART in resource["Properties"]:
        own = {"AwsAccountId": "123456789012", "DataSetId": "a", APART: resource["Properties"][APART]}
        DEFINITION.check_request("PutDataSetRefreshProperties", own)


@pytest.mark.parametrize("name", BOARDS)
def test_every_resource_is_a_request_that_botocore_knows(name: str) -> None:
    check(TEMPLATE["Resources"][name])


def test_an_analysis_and_a_dashboard_take_the_same_members() -> None:
    analysis, dashboard = (
        set(service_model().shape_for(name).members) for name in ("AnalysisDefinition", "DashboardVersionDefinition")
    )
    used = {member for one in TEMPLATE["Resources"].values() for member in one["Properties"].get("Definition", {})}
    assert used <= analysis & dashboard


def test_the_template_sent_is_shorter_than_cloudformation_takes() -> None:
    assert templates.MOST_BYTES < len(templates.text(TEMPLATE)) < 1_000_000


def chart(template: dict[str, Any]) -> Any:
    return template["Resources"]["DashboardSales"]["Properties"]["Definition"]["Sheets"][0]["Visuals"][2][
        "LineChartVisual"
    ]


def wrong_enum(template: dict[str, Any]) -> None:
    chart(template)["ChartConfiguration"]["Type"] = "CURVE"


def unknown_member(template: dict[str, Any]) -> None:
    chart(template)["ChartConfiguration"]["Colour"] = "red"


def missing_member(template: dict[str, Any]) -> None:
    del chart(template)["VisualId"]


def wrong_pattern(template: dict[str, Any]) -> None:
    chart(template)["VisualId"] = "a visual"


def out_of_range(template: dict[str, Any]) -> None:
    sheet = template["Resources"]["DashboardSales"]["Properties"]["Definition"]["Sheets"][0]
    sheet["Layouts"][0]["Configuration"]["GridLayout"]["Elements"][0]["ColumnSpan"] = 37


def unknown_type_of_column(template: dict[str, Any]) -> None:
    data_set = template["Resources"]["DataSetSales"]["Properties"]
    data_set["PhysicalTableMap"]["view"]["RelationalTable"]["InputColumns"][0]["Type"] = "TEXT"


PLANTED: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (wrong_enum, "CURVE"),
    (unknown_member, "Colour"),
    (missing_member, "VisualId"),
    (wrong_pattern, "a visual"),
    (out_of_range, "37"),
    (unknown_type_of_column, "TEXT"),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED)
def test_botocores_definition_finds_a_planted_fault(plant: Callable[[dict[str, Any]], None], named: str) -> None:
    template = copy.deepcopy(TEMPLATE)
    plant(template)
    with pytest.raises(AwsError, match=named):
        for name in BOARDS:
            check(template["Resources"][name])


def lint(template: dict[str, Any], folder: Path) -> list[str]:
    """What cfn-lint says of a template, with the dashboard and the data set that have the faults alone."""
    kept = ("Role", "DataSource", "DataSetSales", "DataSetTargets", "Theme", "DashboardSales")
    resources = {name: template["Resources"][name] for name in kept}
    path = folder / "template.json"
    path.write_text(json.dumps({**template, "Resources": resources, "Outputs": {"Theme": {"Value": {"Ref": "Theme"}}}}))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return [one["Message"] for one in json.loads(done.stdout)]


def test_cfn_lint_finds_nothing_but_what_is_planted(tmp_path: Path) -> None:
    assert lint(TEMPLATE, tmp_path) == []
    # What takes a member away would hide the others.
    for faults in ([one for one in PLANTED if one[0] is not missing_member], [(missing_member, "VisualId")]):
        template = copy.deepcopy(TEMPLATE)
        for plant, _ in faults:
            plant(template)
        found = lint(template, tmp_path)
        assert len(found) == len(faults), found
        for _, named in faults:
            assert any(named in message for message in found), (named, found)
