"""Which ledger a lake's bucket belongs to: one ledger for one analytics bucket, and that ledger for no other bucket.

Two ledgers over one bucket would replace and delete each other's objects, and one ledger over two buckets would take
for loaded what one of them lacks. So the bucket has an object that names its ledger, and the ledger a note that names
its bucket; both are put on condition that there is none, by whichever process is the first. A process compares them
once, with three requests, and none for a file.

The ledger is named by its ``TableId``, which no other table has: neither one of another environment, nor one of the
same name that was restored from a backup, for DynamoDB restores into a new table
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html). A ledger that takes the place
of another one (``resources.replaces_ledger``) begins a new generation. It may have forgotten what the bucket holds: its
tokens begin beyond all of the generation before (``TOKENS``), so each of its claims is later than whatever it finds.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from lakelanes.aws.failures import is_changed, is_missing
from lakelanes.config.model import LakeConfig
from lakelanes.errors import OwnerError
from lakelanes.ledger.notes import Notes

# Beside the tables' folders, in none of them.
MARKER = "lake-owner.json"
NOTE = "lake"
# Claims of one file in one generation, by far.
TOKENS = 1_000_000
# Each time another process was faster, which happens once in a generation.
_TRIES = 5


@dataclass(frozen=True)
class Owner:
    """What the bucket's object says: the ledger's ARN and TableId, and how many ledgers there were before it."""

    ledger: str
    table_id: str
    generation: int = 0

    def __str__(self) -> str:
        return f"{self.ledger} (TableId {self.table_id})"


def claim_bucket(s3: Any, ledger: Notes, config: LakeConfig) -> Owner:
    """The owner of the configuration's analytics bucket, which is the configuration's ledger.

    Of a bucket and a ledger that were no lake's it makes them one. Raises OwnerError where the bucket is another
    ledger's, or the ledger another bucket's.
    """
    bucket = config.resources.analytics_bucket
    noted = ledger.read_note(NOTE)
    _check_bucket(config, noted)
    owner = _claim(s3, _own(ledger), config)
    if not noted and not ledger.write_note_once(NOTE, {"analytics_bucket": bucket}):
        _check_bucket(config, ledger.read_note(NOTE))
    return owner


def _own(ledger: Notes) -> Owner:
    described = ledger.client.describe_table(TableName=ledger.table)["Table"]
    return Owner(described["TableArn"], described.get("TableId", ""))


def _check_bucket(config: LakeConfig, noted: dict[str, Any]) -> None:
    own = config.resources.analytics_bucket
    if (other := noted.get("analytics_bucket", own)) != own:
        raise OwnerError(
            f"the ledger {config.resources.ledger_table} knows what is in s3://{other}, and resources.analytics_bucket "
            f"is {own}: what the one has would count as loaded into the other. Give this configuration another "
            f"resources.ledger_table, or {other} as resources.analytics_bucket"
        )


def _claim(s3: Any, own: Owner, config: LakeConfig) -> Owner:
    bucket, replaced = config.resources.analytics_bucket, config.resources.replaces_ledger
    for _ in range(_TRIES):
        found, etag = _read(s3, bucket)
        if found is not None and found.table_id == own.table_id:
            return found
        if found is None:
            wanted, condition = own, {"IfNoneMatch": "*"}
        elif found.table_id == replaced:
            wanted, condition = Owner(own.ledger, own.table_id, found.generation + 1), {"IfMatch": etag}
        else:
            raise OwnerError(
                f"s3://{bucket} is the lake of the ledger {found}, and resources.ledger_table of this configuration is "
                f"{own}: each would replace and delete the other's rows. Give this configuration another "
                "resources.analytics_bucket, or that ledger. If its own was restored from a backup of that one, or "
                f'takes its place for good, set resources.replaces_ledger to "{found.table_id}" (docs/operations.md)'
            )
        body = json.dumps(asdict(wanted)).encode()
        try:
            s3.put_object(Bucket=bucket, Key=MARKER, Body=body, ContentType="application/json", **condition)
        except ClientError as error:
            # A request whose answer was lost is sent again by the client, and then finds what it wrote itself.
            if not is_changed(error):
                raise
    raise OwnerError(f"s3://{bucket}/{MARKER} was changed by others {_TRIES} times while it was read")


def _read(s3: Any, bucket: str) -> tuple[Owner | None, str]:
    try:
        answer = s3.get_object(Bucket=bucket, Key=MARKER)
    except ClientError as error:
        if not is_missing(error):
            raise
        return None, ""
    values = json.loads(answer["Body"].read())
    return Owner(values["ledger"], values["table_id"], int(values["generation"])), answer["ETag"].strip('"')
