"""Which names AWS accepts, checked before any of them reaches SQL, an S3 key, or an API call.

Each rule returns the name it was given (folded to lower case where Glue does that) or raises ``ValueError`` with a
message that says what was found and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable


def _rule(what: str, pattern: str, allowed: str, *, lower: bool = False) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(name: str) -> str:
        folded = name.lower() if lower else name
        if not compiled.fullmatch(folded):
            raise ValueError(f"{name!r} is not {what}: use {allowed}")
        return folded

    return check


# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog.html and
# https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html: Glue stores names in lower case and
# Athena's DDL takes letters, digits and the underscore without surprises.
database_name = _rule(
    "a database name Athena accepts",
    r"[a-z_][a-z0-9_]{0,127}",
    "letters, digits and underscores, not starting with a digit, at most 128",
    lower=True,
)
table_name = _rule(
    "a table name Athena accepts",
    r"[a-z][a-z0-9_]{0,119}",
    "letters, digits and underscores, starting with a letter, at most 120",
    lower=True,
)
# What is made of it ends in _changes, _snapshot or _current.
changes_table_name = _rule(
    "a name for tables of changes and snapshots",
    r"[a-z][a-z0-9_]{0,118}",
    "letters, digits and underscores, starting with a letter, at most 119",
    lower=True,
)
column_name = _rule(
    "a column name Athena accepts",
    r"[a-z_][a-z0-9_]{0,127}",
    "letters, digits and underscores, not starting with a digit, at most 128 (name the CSV's own header in 'header')",
    lower=True,
)


def column_of_header(header: str) -> str:
    """The column that a name in a file's header becomes: in lower case, with '_' for what a column's name cannot have.

    Raises ValueError when that is no name of a column.
    """
    folded = re.sub(r"[^a-z0-9_]", "_", header.lower())
    if not re.search(r"[a-z0-9]", folded):
        raise ValueError(f"{header!r} has no letter or digit that a column's name may have")
    return column_name(folded)


# An entity's name becomes part of a DAG id and of ledger keys.
entity_name = _rule(
    "an entity name",
    r"[A-Za-z][A-Za-z0-9_.-]{0,99}",
    "letters, digits, '_', '-' and '.', starting with a letter, at most 100",
)
# It is a part of QuickSight's ids ([\w-]+, 512 at most), of Power BI's names of folders, and of addresses of the page.
dashboard_name = _rule(
    "a name of a dashboard, dataset or visual",
    r"[a-z][a-z0-9_]{0,59}",
    "lower-case letters, digits and underscores, starting with a letter, at most 60",
)
# https://docs.aws.amazon.com/quicksight/latest/APIReference/API_ResourcePermission.html, of those within an account.
quicksight_principal = _rule(
    "whom QuickSight can give permissions",
    r"arn:aws[a-z-]*:quicksight:[a-z0-9-]+:\d{12}:(user|group|namespace)/\S+",
    "the ARN of a group, a user or a namespace of QuickSight, such as "
    "'arn:aws:quicksight:us-east-1:123456789012:group/default/analysts'",
)
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
bucket_name = _rule(
    "a bucket name S3 accepts",
    r"(?!\d+\.\d+\.\d+\.\d+$)(?!xn--)(?!.*\.\.)(?!.*-s3alias$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "3 to 63 lower-case letters, digits, dots and hyphens, starting and ending with a letter or digit",
)
# https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroup.html
workgroup_name = _rule(
    "a workgroup name Athena accepts", r"[A-Za-z0-9._-]{1,128}", "letters, digits, '.', '_' and '-', at most 128"
)
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html (S3 notifies no FIFO): 80,
# less the four of its dead-letter queue's ending.
queue_name = _rule("a queue name SQS accepts", r"[A-Za-z0-9_-]{1,76}", "letters, digits, '_' and '-', at most 76")
topic_name = _rule("a topic name SNS accepts", r"[A-Za-z0-9_-]{1,256}", "letters, digits, '_' and '-', at most 256")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
dynamodb_table_name = _rule(
    "a table name DynamoDB accepts", r"[A-Za-z0-9_.-]{3,255}", "3 to 255 letters, digits, '_', '-' and '.'"
)
region_name = _rule("an AWS region", r"[a-z]{2}(-[a-z]+){1,3}-\d{1,2}", "a name such as 'eu-central-1'")
account_id = _rule("an AWS account id", r"\d{12}", "12 digits")


def key_prefix(prefix: str) -> str:
    """A prefix of S3 keys: '' or a folder, without a leading slash, control characters or empty segments."""
    if prefix and (
        prefix.startswith("/")
        or "//" in prefix
        or any(ord(c) < 32 or ord(c) == 127 for c in prefix)
        or any(part in (".", "..") for part in prefix.split("/"))
        or len(prefix.encode()) > 900
    ):
        raise ValueError(f"{prefix!r} is not a key prefix: use a folder such as 'incoming/sales/'")
    return prefix if not prefix or prefix.endswith("/") else prefix + "/"


def sql_identifier(name: str) -> str:
    """``name`` quoted for Trino SQL (SELECT, views): double quotes, an inner quote doubled."""
    return '"' + name.replace('"', '""') + '"'


def ddl_identifier(name: str) -> str:
    """``name`` quoted for Athena's Hive DDL: backticks, an inner backtick doubled."""
    return "`" + name.replace("`", "``") + "`"


def sql_string(value: str) -> str:
    """``value`` as a string literal for Trino SQL."""
    return "'" + value.replace("'", "''") + "'"
