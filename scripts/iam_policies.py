"""What each role may do and why, as infrastructure/template.yaml has it: infrastructure/iam_policies.json.

    python -m scripts.iam_policies > infrastructure/iam_policies.json

For those who review the rights, or make the roles by hand: names in angle brackets are theirs to fill in. ``make
check`` compares the file with the template.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts import templates
from scripts.deploy import TEMPLATE

# The roles, with a title; "workers" is MWAA's execution role, or whatever role runs Airflow's workers.
PRINCIPALS = {
    "workers": "Airflow's workers",
    "FileProcessorRole": "The function for files (file_processor)",
    "StreamProcessorRole": "The function for streams (stream_processor)",
}
# The template's resources that hold their statements. Those with a number behind have the same ones for more tables.
_HOLDERS = {
    "workers": ("WorkerPolicy", "TablesPolicy", "WorkerKeysPolicy"),
    "FileProcessorRole": ("FileProcessorRole", "FileProcessorKeysPolicy"),
    "StreamProcessorRole": ("StreamProcessorRole", "StreamPolicy", "StreamProcessorKeysPolicy"),
}
# What the template's references stand for.
_NAMES = {
    "AWS::Partition": "aws",
    "AWS::Region": "<region>",
    "AWS::AccountId": "<account>",
    "AWS::URLSuffix": "amazonaws.com",
    "SourceBucket.Arn": "arn:aws:s3:::<source_bucket>",
    "AnalyticsBucket.Arn": "arn:aws:s3:::<analytics_bucket>",
    "LedgerTable.Arn": "arn:aws:dynamodb:<region>:<account>:table/<ledger_table>",
    "FileQueue.Arn": "arn:aws:sqs:<region>:<account>:<sqs_queue>",
    "FileDeadLetterQueue.Arn": "arn:aws:sqs:<region>:<account>:<sqs_queue>-dlq",
    "StreamFailureQueue.Arn": "arn:aws:sqs:<region>:<account>:<stream failure queue>",
    "AlertTopic": "arn:aws:sns:<region>:<account>:<alert_topic>",
    "FileProcessorLog.Arn": "arn:aws:logs:<region>:<account>:log-group:/lakelanes/<sqs_queue>/file_processor:*",
    "StreamProcessorLog.Arn": "arn:aws:logs:<region>:<account>:log-group:/lakelanes/<sqs_queue>/stream_processor:*",
    "ExportedTableArns1": "arn:aws:dynamodb:<region>:<account>:table/<each table that is exported>",
    "ExportObjectArns": "arn:aws:s3:::<analytics_bucket>/<export.prefix>*",
    "StreamArns1": "arn:aws:dynamodb:<region>:<account>:table/<each table whose stream is read>/stream/*",
    **{f"{what}KeyArn": f"<{what}KeyArn>" for what in ("Source", "Analytics", "Table", "Queue", "Topic")},
    "DashboardsPrefix": "lakelanes-<analytics_bucket>",
    "DatabaseName": "<glue_database>",
    "WorkgroupName": "<workgroup_name>",
}


@dataclass(frozen=True)
class Statement:
    """A statement that allows something. ``kept``: of its actions that no test uses, why they are there.

    ``condition``: as IAM has it; {} for none.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str
    kept: Mapping[str, str]
    condition: Mapping[str, Any] = field(default_factory=dict)

    def unseen(self, action: str) -> str:
        """Why the action is there although no test uses it; "" for one that is used."""
        return self.kept.get(action, "")


@functools.cache
def statements(role: str) -> tuple[Statement, ...]:
    """The statements of a role of PRINCIPALS. Raises KeyError for a reason or a name that is not there."""
    resources = templates.load(TEMPLATE)["Resources"]
    return tuple(statement for holder in _HOLDERS[role] for statement in _of(resources[holder]))


def _of(resource: Mapping[str, Any]) -> Iterator[Statement]:
    properties, metadata = resource["Properties"], resource["Metadata"]
    inline = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for document in inline or [properties["PolicyDocument"]]:
        for one in document["Statement"]:
            # Those of a key are there if it is.
            given = one["Fn::If"][1] if "Fn::If" in one else one
            sid = given["Sid"]
            kept = {
                right.partition(" ")[2]: reason
                for right, reason in metadata.get("Unseen", {}).items()
                if right.partition(" ")[0] == sid
            }
            condition = {
                operator: {key: _resolved(value) for key, value in tests.items()}
                for operator, tests in given.get("Condition", {}).items()
            }
            named = tuple(_resolved(each) for each in _as_list(given["Resource"]))
            yield Statement(sid, tuple(_as_list(given["Action"])), named, metadata["Reasons"][sid], kept, condition)


def _resolved(expression: Any) -> str:
    if isinstance(expression, dict):
        [(function, operand)] = expression.items()
        if function != "Fn::Sub":
            return _NAMES[operand if function == "Ref" else ".".join(operand)]
        expression = operand
    return re.sub(r"\$\{([^}]+)\}", lambda found: _NAMES[found[1]], expression)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def document() -> dict[str, Any]:
    """The contents of infrastructure/iam_policies.json: a policy for each role, and the reasons of its statements."""
    return {
        role: {
            "title": title,
            "reasons": {statement.sid: statement.reason for statement in statements(role)},
            "policy": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": statement.sid,
                        "Effect": "Allow",
                        "Action": list(statement.actions),
                        "Resource": list(statement.resources),
                        **({"Condition": statement.condition} if statement.condition else {}),
                    }
                    for statement in statements(role)
                ],
            },
        }
        for role, title in PRINCIPALS.items()
    }


def main() -> int:
    print(json.dumps(document(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
