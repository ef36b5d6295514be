"""Every action, resource and condition key of the templates, held against AWS's service definitions.

policy_sentry carries the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from policy_sentry.querying.actions import get_action_data

from scripts.deploy import STREAM_TEMPLATE, TEMPLATE
from tests.infrastructure.test_template import CloudFormationLoader

DASHBOARDS = TEMPLATE.with_name("dashboards.yaml")
TEMPLATES = {
    path.name: yaml.load(path.read_text(), CloudFormationLoader) for path in (TEMPLATE, STREAM_TEMPLATE, DASHBOARDS)
}
# What an expression of the template is replaced by; of a CommaDelimitedList, what scripts/deploy.py puts in.
VALUES = {
    "SourceBucket.Arn": "arn:aws:s3:::source",
    "AnalyticsBucket.Arn": "arn:aws:s3:::lake",
    "LedgerTable.Arn": "arn:aws:dynamodb:r:1:table/ledger",
    "FileQueue.Arn": "arn:aws:sqs:r:1:files",
    "FileDeadLetterQueue.Arn": "arn:aws:sqs:r:1:files-dlq",
    "StreamFailureQueue.Arn": "arn:aws:sqs:r:1:failures",
    "AlertTopic": "arn:aws:sns:r:1:alerts",
    "ExportObjectArns": "arn:aws:s3:::lake/dynamodb-exports/*",
    "FileProcessorLog.Arn": "arn:aws:logs:r:1:log-group:/lakelanes/files/file_processor:*",
    "StreamProcessorLog.Arn": "arn:aws:logs:r:1:log-group:/lakelanes/files/stream_processor:*",
    **{f"ExportedTableArns{number}": "arn:aws:dynamodb:r:1:table/orders" for number in range(1, 7)},
    **{f"StreamArns{number}": "arn:aws:dynamodb:r:1:table/orders/stream/*" for number in range(1, 7)},
    **{f"{what}KeyArn": f"arn:aws:kms:r:1:key/{what}" for what in ("Source", "Analytics", "Table", "Queue", "Topic")},
    "AWS::Partition": "aws",
    "AWS::Region": "r",
    "AWS::AccountId": "1",
    "DashboardsPrefix": "lakelanes-lake",
    "DatabaseName": "lake",
    "WorkgroupName": "lake",
    "SourceBucketName": "source",
    "AnalyticsBucketName": "lake",
}
# Parts of a resource's name that may hold the characters which separate the parts of others.
OPEN = ("ObjectName", "LogGroupName", "LogStreamName")


@dataclass(frozen=True)
class Right:
    """One action of a statement, on one of its resources (None: the policy is a role's trust)."""

    where: str
    effect: str
    action: str
    resource: str | None
    conditions: tuple[str, ...]
    reason: str | None


def statements(tree: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Every statement below, with its place; ``where`` is that of the tree."""
    if isinstance(tree, dict):
        if "Effect" in tree and "Action" in tree:
            yield f"{where} {tree.get('Sid', '')}".strip(), tree
        for value in tree.values():
            yield from statements(value, where)
    elif isinstance(tree, list):
        for value in tree:
            yield from statements(value, where)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def resolved(expression: str) -> str:
    """A resource as it is deployed."""
    if expression in VALUES:
        return VALUES[expression]
    return re.sub(r"\$\{([^}]+)\}", lambda found: VALUES[found[1]], expression)


def rights() -> list[Right]:
    found = []
    for file, template in TEMPLATES.items():
        for name, resource in template["Resources"].items():
            reasons = resource.get("Metadata", {}).get("Reasons", {})
            for where, statement in statements(resource.get("Properties", {}), f"{file} {name}"):
                keys = [key for operator in statement.get("Condition", {}).values() for key in operator]
                for action in as_list(statement["Action"]):
                    for one in as_list(statement.get("Resource")):
                        arn = None if one is None else resolved(one)
                        reason = reasons.get(statement.get("Sid"))
                        found.append(Right(where, statement["Effect"], action, arn, tuple(keys), reason))
    return found


RIGHTS = rights()
ALLOWED = [right for right in RIGHTS if right.effect == "Allow"]


def definition(action: str) -> list[dict[str, Any]]:
    """What the reference says of an action, by type of resource; [] of one that there is not."""
    service, _, name = action.partition(":")
    found = get_action_data(service, name) or {}
    return [each for each in found.get(service, []) if each["action"] == action]


def tokens(pattern: str, opening: str) -> list[str]:
    """A pattern's characters, "*" for any text, and "+" for a part of a name without separators."""
    parts = re.split(opening, pattern)
    found: list[str] = []
    for place, part in enumerate(parts):
        if place % 2:
            found.append("*" if part in OPEN or part == "*" else "+")
        else:
            found.extend(part)
    return found


def overlap(resource: str, format: str) -> bool:
    """Whether an ARN of the given format could be one that the resource of a policy means."""
    left, right = tokens(resource, r"(\*)"), tokens(format, r"\$\{([^}]+)\}")

    @functools.cache
    def meet(i: int, j: int) -> bool:
        if i == len(left) and j == len(right):
            return True
        one, other = left[i : i + 1], right[j : j + 1]
        if one == ["*"] and (meet(i + 1, j) or (j < len(right) and meet(i, j + 1))):
            return True
        if other == ["*"] and (meet(i, j + 1) or (i < len(left) and meet(i + 1, j))):
            return True
        if other == ["+"] and one and one[0] not in "*:/":
            return meet(i + 1, j) or meet(i + 1, j + 1)
        return bool(one) and one == other and meet(i + 1, j + 1)

    return meet(0, 0)


def test_the_templates_rights_are_found() -> None:
    assert {right.where.split()[1] for right in RIGHTS} >= {
        *("WorkerPolicy", "TablesPolicy", "TablesPolicy6", "FileProcessorRole", "StreamProcessorRole", "StreamPolicy6"),
        *("FileQueuePolicy", "SourceBucketPolicy", "AnalyticsBucketPolicy"),
    }
    assert len(RIGHTS) > 150


@pytest.mark.parametrize("action", sorted({right.action for right in ALLOWED}))
def test_every_action_exists(action: str) -> None:
    assert definition(action), f"{action} is no action of AWS"


def test_no_action_is_a_wildcard_but_where_it_is_denied() -> None:
    assert [right for right in ALLOWED if "*" in right.action] == []


@pytest.mark.parametrize("right", [right for right in ALLOWED if right.resource], ids=str)
def test_every_resource_is_of_a_type_that_its_action_has(right: Right) -> None:
    assert right.resource is not None
    formats = {each["resource_arn_format"] for each in definition(right.action)} - {"*"}
    if right.resource == "*":
        assert formats == set(), f"{right.where}: {right.action} could be for {sorted(formats)} alone"
        assert right.reason, f"{right.where}: no reason in Metadata.Reasons"
    else:
        plain = {
            one.replace("${Partition}", "aws").replace("${Region}", "r").replace("${Account}", "1") for one in formats
        }
        assert any(overlap(right.resource, one) for one in plain), (
            f"{right.where}: {right.action} is not for {right.resource} but for {sorted(formats) or '*'}"
        )


def test_every_condition_key_is_one_that_its_action_has() -> None:
    for right in ALLOWED:
        known = {key for each in definition(right.action) for key in each["condition_keys"]}
        for key in right.conditions:
            assert key.startswith("aws:") or key in known, f"{right.where}: {key}"


def test_every_statement_of_a_policy_or_role_says_why_it_is_there() -> None:
    for template in TEMPLATES.values():
        for name, resource in template["Resources"].items():
            if resource["Type"] not in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role") or name[-1].isdigit():
                continue
            documents = [resource["Properties"].get("PolicyDocument"), *resource["Properties"].get("Policies", [])]
            sids = {statement["Sid"] for _, statement in statements(documents, name)}
            assert set(resource["Metadata"]["Reasons"]) == sids, name


@pytest.mark.parametrize(
    ("resource", "format", "fits"),
    [
        ("arn:aws:dynamodb:r:1:table/orders", "arn:aws:dynamodb:r:1:table/${TableName}", True),
        ("arn:aws:dynamodb:r:1:table/orders/index/*", "arn:aws:dynamodb:r:1:table/${TableName}", False),
        ("arn:aws:dynamodb:r:1:table/o/index/*", "arn:aws:dynamodb:r:1:table/${TableName}/index/${IndexName}", True),
        ("arn:aws:s3:::lake", "arn:aws:s3:::${BucketName}/${ObjectName}", False),
        ("arn:aws:s3:::lake/*", "arn:aws:s3:::${BucketName}", False),
        ("arn:aws:s3:::lake/a/*", "arn:aws:s3:::${BucketName}/${ObjectName}", True),
        ("arn:aws:logs:r:1:log-group:/a:*", "arn:aws:logs:r:1:log-group:${LogGroupName}:log-stream:${Any}", True),
        ("arn:aws:glue:r:1:table/db/*", "arn:aws:glue:r:1:table/${DatabaseName}/${TableName}", True),
        ("arn:aws:glue:r:1:table/db/*", "arn:aws:glue:r:1:database/${DatabaseName}", False),
    ],
)  # fmt: skip
def test_what_fits_is_told_from_what_does_not(resource: str, format: str, fits: bool) -> None:
    assert overlap(resource, format) is fits
