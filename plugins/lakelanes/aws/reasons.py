"""What an error says to people: AWS's own words, and behind them what they have to do where time does not cure it.

AWS says who was refused what, in a text (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html);
of a key it names the ARN. What that text does not have is said in general, and docs/operations.md says more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError

from lakelanes.aws.error_codes import CREDENTIALS, Kind
from lakelanes.aws.failures import error_code, kind_of
from lakelanes.errors import LakeError

_REFUSED = re.compile(r"(?:User: )?(?P<who>arn:\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)")
_KEY = re.compile(r"arn:[\w-]+:kms:[\w-]*:\d*:(?:key|alias)/[\w/-]+")
# The session of a role that was taken on: arn:aws:sts::<account>:assumed-role/<role>/<session>.
_SESSION = re.compile(r"arn:[\w-]+:sts::\d+:assumed-role/(?P<role>[^/\s]+)/\S+")
_LAKE_FORMATION = re.compile(r"Lake Formation|lakeformation:", re.IGNORECASE)
_BYTES = re.compile(r"Bytes scanned limit", re.IGNORECASE)
_PAYER = re.compile(r"requester[ -]?pay|x-amz-request-payer", re.IGNORECASE)
_BY_KEY = re.compile(r"\bkms:\w+|:kms:|\bKMS\b")
_DENIED_BY = re.compile(r"explicit deny in an? (?P<kind>[\w -]+?) policy|no (?P<none>[\w -]+?) policy allows")


@dataclass(frozen=True)
class _Refusal:
    """What AWS's text names: a key, who was refused, and the action."""

    key: str
    who: str
    action: str

    @classmethod
    def read(cls, text: str) -> _Refusal:
        found, key = _REFUSED.search(text), _KEY.search(text)
        who = found["who"] if found else ""
        session = _SESSION.match(who)
        return cls(
            key[0] if key else "", f"role {session['role']}" if session else who, found["action"] if found else ""
        )


def reason_of(error: BaseException) -> str:
    """What an error says to people: its own words for one of the engine's, with its type before them for any other. One
    of AWS's says what to do."""
    if isinstance(error, LakeError):
        return str(error)
    if isinstance(error, ClientError):
        return with_advice(str(error), error_code(error), kind_of(error))
    return f"{type(error).__name__}: {error}"


def with_advice(text: str, code: str = "", kind: Kind | None = None) -> str:
    """AWS's text, and what to do about it. code, kind: of the error, where it has them; else the text alone counts."""
    advice = _advice(text, code, kind)
    return f"{text.rstrip().rstrip('.')}. {advice}" if advice else text


# What the command that restores an object begins with.
RESTORE = "aws s3api restore-object"


def restore_command(bucket: str, key: str, storage_class: str) -> str:
    """The command that makes an archived object readable, for seven days where the copy is one for a time.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
    """
    days = "" if storage_class == "INTELLIGENT_TIERING" else '"Days": 7, '
    request = f'{{{days}"GlacierJobParameters": {{"Tier": "Standard"}}}}'
    return f"{RESTORE} --bucket {bucket} --key {_quoted(key)} --restore-request {_quoted(request)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _advice(text: str, code: str, kind: Kind | None) -> str:
    if _BYTES.search(text):
        return (
            "The workgroup takes no query that reads more: ask for fewer partitions or columns, or raise "
            "deployment.bytes_scanned_cutoff and deploy"
        )
    if _LAKE_FORMATION.search(text):
        who = _Refusal.read(text).who or "the role that asks"
        return (
            f"Lake Formation governs this table, and IAM's rights do not suffice there: grant {who} the database and "
            "its tables in Lake Formation (aws lakeformation grant-permissions)"
        )
    if kind == "key" or (kind in ("refused", None) and _BY_KEY.search(text)):
        return _key_advice(_Refusal.read(text), f"{code} {text}")
    if code == "TooManyRequestsException":
        return (
            "Athena's slots for queries are taken: it is tried again; if that goes on, raise the account's quota of "
            "active queries in Service Quotas"
        )
    if code in CREDENTIALS:
        return "AWS does not take these credentials: sign in anew, or look at the role that the worker has"
    if kind == "nowhere":
        return "Name the right bucket in resources of the configuration, or deploy it"
    return _rights_advice(text) if kind == "refused" else ""


def _key_advice(refusal: _Refusal, text: str) -> str:
    key = f"key {refusal.key}" if refusal.key else "the key of this bucket, queue, topic or table"
    name = refusal.key or "KEY"
    if "NotFound" in text or "does not exist" in text:
        return f"KMS has no {key}: what was encrypted under a deleted key is lost; put it again under another one"
    if "pending deletion" in text or "InvalidState" in text:
        return (
            f"KMS does not use {key} as it is: aws kms describe-key --key-id {name} says why. One that waits for its "
            f"deletion: aws kms cancel-key-deletion --key-id {name}, then aws kms enable-key --key-id {name}"
        )
    if "isabled" in text:
        return f"KMS has {key} turned off: aws kms enable-key --key-id {name}"
    who, action = refusal.who or "the role that asks", refusal.action or "kms:Decrypt and kms:GenerateDataKey"
    return (
        f"KMS does not let {who} do {action} with {key}: allow it in the key's policy, and in the role's own if the "
        "key is another account's"
    )


def _rights_advice(text: str) -> str:
    if _PAYER.search(text):
        return (
            "The bucket has Requester Pays on, which the lake does not pay: its owner turns it off (aws s3api "
            "put-bucket-request-payment), or copies the files into the source bucket"
        )
    found, who = _DENIED_BY.search(text), _Refusal.read(text).who or "the role that asks"
    by = (found["kind"] or found["none"]) if found else ""
    if found and found["kind"]:
        return f"A {by} policy forbids it to {who}: change that policy; a right elsewhere does not outweigh it"
    if by == "resource-based":
        return f"The owner of it, another account perhaps, has to allow it to {who} in its own policy"
    if by == "identity-based":
        return f"Give {who} the right: docs/iam.md lists what each role of the lake needs"
    return (
        f"Compare the rights of {who} with docs/iam.md. Of another account's bucket the bucket's policy has to allow "
        "it too, and an object that another account put stays that account's unless the bucket's ownership is "
        "BucketOwnerEnforced"
    )
