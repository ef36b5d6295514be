"""The role as which QuickSight reads the lake: what the dashboards' views read, and nothing else.

https://docs.aws.amazon.com/quicksight/latest/user/datasource-permissions-iam-roles.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lakelanes.catalog.views import View
from lakelanes.config.model import LakeConfig
from lakelanes.dashboards.quicksight.resources import Properties
from lakelanes.tables.catalog import tables_of

# A role's own policies hold 10,240 characters without white space
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html), of which what is no table takes these.
MOST_CHARACTERS = 10_240
_OTHERS = 3_000
# The longest that stands before a table's name in Glue, and before its folder in S3.
_BEFORE_TABLE = len('"arn:aws-us-gov:glue:ap-northeast-1:123456789012:table//",') + 128
_BEFORE_FOLDER = len('"arn:aws-us-gov:s3:::/",') + 63
_GLUE = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:"
_BUCKET = "arn:${AWS::Partition}:s3:::${AnalyticsBucketName}"
_REASONS = {
    "Query": "SPICE and direct queries are SELECTs in this workgroup.",
    "ReadCatalogue": "Athena looks up the views of the dashboards and what they read.",
    "UseDatabase": "Athena looks at the database of a statement, and at the database default whichever one that names.",
    "ListLake": "Athena lists the folders of tables and partitions, and looks where its result bucket is.",
    "ReadTables": "Athena reads the tables with the caller's rights.",
    "KeepResults": "Athena writes results with the caller's rights, and QuickSight reads them from there.",
}
_JDBC = "The JDBC driver's own, by which QuickSight reads; AWSQuicksightAthenaAccess has it."
_LARGE = "Athena's own, of large results; AWSQuicksightAthenaAccess has it."
_UNSEEN = {
    "KeepResults s3:AbortMultipartUpload": _LARGE,
    "KeepResults s3:ListMultipartUploadParts": _LARGE,
    "ListLake s3:ListBucketMultipartUploads": _LARGE,
    "Query athena:GetQueryResultsStream": _JDBC,
    "Query athena:GetWorkGroup": _JDBC,
    "Query athena:StopQueryExecution": "A refresh that is cancelled stops its query.",
    "ReadCatalogue glue:BatchGetPartition": "Athena's own, of chosen partitions; AWSQuicksightAthenaAccess has it.",
    "ReadCatalogue glue:GetPartition": "Athena's own, of single partitions; AWSQuicksightAthenaAccess has it.",
}


def role(tables: Mapping[str, str | None]) -> Properties:
    """The resource of the role. tables: as ``tables_read`` tells them."""
    trusted = {"Effect": "Allow", "Principal": {"Service": "quicksight.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Metadata": {"Reasons": _REASONS, "Unseen": _UNSEEN},
        "Properties": {
            "Description": "What QuickSight needs to read what the dashboards show, and nothing else.",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
            "Policies": [
                {
                    "PolicyName": "read-lake",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": _reading(tables)},
                }
            ],
            "Tags": [{"Key": "lake", "Value": {"Ref": "Prefix"}}],
        },
    }


def _reading(tables: Mapping[str, str | None]) -> list[Properties]:
    listed = _fit(tables)
    names = [*tables] if listed else ["*"]
    folders = [folder for folder in tables.values() if folder] if listed else ["*"]
    return [
        _statement(
            "Query",
            [
                *("athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetQueryResultsStream"),
                *("athena:GetWorkGroup", "athena:StartQueryExecution", "athena:StopQueryExecution"),
            ],
            ["arn:${AWS::Partition}:athena:${AWS::Region}:${AWS::AccountId}:workgroup/${WorkgroupName}"],
        ),
        _statement(
            "ReadCatalogue",
            ["glue:BatchGetPartition", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable"],
            [
                *(f"{_GLUE}catalog", f"{_GLUE}database/${{DatabaseName}}"),
                *(f"{_GLUE}table/${{DatabaseName}}/{name}" for name in names),
            ],
        ),
        _statement(
            "UseDatabase",
            ["glue:GetDatabase"],
            [f"{_GLUE}catalog", f"{_GLUE}database/${{DatabaseName}}", f"{_GLUE}database/default"],
        ),
        _statement("ListLake", ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [_BUCKET]),
        _statement(
            "ReadTables",
            ["s3:GetObject"],
            [f"{_BUCKET}/{folder}/*" if listed else f"{_BUCKET}/*" for folder in folders],
        ),
        _statement(
            "KeepResults",
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
            [f"{_BUCKET}/athena-results/*"],
        ),
    ]


def _fit(tables: Mapping[str, str | None]) -> bool:
    """Whether a policy can name the tables one by one; else it names all of the lake."""
    folders = [folder for folder in tables.values() if folder]
    size = sum(_BEFORE_TABLE + len(name) for name in tables) + sum(_BEFORE_FOLDER + len(one) + 2 for one in folders)
    return size <= MOST_CHARACTERS - _OTHERS


def tables_read(config: LakeConfig, views: Iterable[View], wanted: Iterable[str]) -> dict[str, str | None]:
    """The views of these names and all that they read, sorted; of a table, its folder in the analytics bucket."""
    folders = {table.name: table.folder for table in tables_of(config)}
    inputs = {view.name: view.inputs for view in views}
    inputs |= {
        table.current_view: frozenset({table.changes_table, table.snapshot_table}) for table in config.tables.values()
    }
    found: dict[str, str | None] = {}
    left = [*wanted]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = folders.get(name)
            left += inputs.get(name, ())
    return dict(sorted(found.items()))


def _statement(sid: str, actions: list[str], resources: list[str]) -> Properties:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": actions,
        "Resource": [{"Fn::Sub": resource} for resource in resources],
    }
