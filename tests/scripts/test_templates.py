"""Templates are read with the functions that they call, and cut to what an import takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts import templates

TEXT = """
Parameters:
  Name: {Type: String}
  Tags: {Type: CommaDelimitedList, Default: ""}
Conditions:
  Named: !Not [!Equals [!Ref Name, ""]]
  Both: !And [!Condition Named, !Equals [!Select [0, !Ref Tags], ""]]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: Policy
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      BucketName: !Ref Name
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration:
        QueueConfigurations:
          - {Event: "s3:ObjectCreated:*", Queue: !GetAtt Queue.Arn}
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: !Sub "${Name}-${AWS::Region}"
      Other: !Sub ["${Queue.Arn}/${own}", {own: !Ref Name}]
  Queue: {Type: "AWS::SQS::Queue"}
  Policy: {Type: "AWS::SQS::QueuePolicy", Properties: {Queues: [!Ref Queue]}}
Outputs:
  Name: {Value: !Ref Bucket}
"""


def load(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "template.yaml"
    path.write_text(TEXT)
    return templates.load(path)


def test_functions_are_read_in_their_long_forms(tmp_path: Path) -> None:
    template = load(tmp_path)
    assert template["Conditions"] == {
        "Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]},
        "Both": {"Fn::And": [{"Condition": "Named"}, {"Fn::Equals": [{"Fn::Select": [0, {"Ref": "Tags"}]}, ""]}]},
    }
    (queue,) = template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert queue == {"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}
    assert json.loads(templates.text(template)) == template


def test_a_template_that_was_read_is_ones_own(tmp_path: Path) -> None:
    first = load(tmp_path)
    first["Resources"].clear()
    assert load(tmp_path)["Resources"]


def test_what_is_imported_refers_to_nothing_that_is_not(tmp_path: Path) -> None:
    template = load(tmp_path)
    assert templates.kept_resources(template).keys() == {"Bucket", "Table"}
    cut = templates.for_import(template, {"Bucket", "Table"})
    assert cut.keys() == {"Parameters", "Conditions", "Resources"}
    assert cut["Resources"]["Bucket"] == {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": {"BucketName": {"Ref": "Name"}, "VersioningConfiguration": {"Status": "Enabled"}},
    }
    assert cut["Resources"]["Table"]["Properties"].keys() == {"TableName"}


def test_references_are_found_wherever_they_are() -> None:
    value = [{"a": {"Ref": "One"}}, {"Fn::GetAtt": ["Two", "Arn"]}, {"Fn::Sub": "${Three.Arn}/${!literal}/${Four}"}]
    assert set(templates.references(value)) == {"One", "Two", "Three", "Four"}
