"""What AWS refuses is told with what to do: which key, which role, which action, which policy."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lakelanes import errors
from lakelanes.aws.reasons import reason_of, restore_command, with_advice

ROLE = "arn:aws:sts::111122223333:assumed-role/lake-worker/session-1"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def failure(code: str, message: str = "", operation: str = "GetObject") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.CatalogError("another type"), "another type"),
        (ConnectionError("lost"), "ConnectionError: lost"),
        (KeyError("x"), "KeyError: 'x'"),
        (
            failure("SlowDown", "Please reduce"),
            "An error occurred (SlowDown) when calling the GetObject operation: Please reduce",
        ),
    ],
)
def test_the_reason_of_a_foreign_error_begins_with_its_type(error: Exception, text: str) -> None:
    assert reason_of(error) == text


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        (
            "AccessDenied",
            f"User: {ROLE} is not authorized to perform: kms:Decrypt on resource: {KEY} because no "
            "identity-based policy allows the kms:Decrypt action",
            f"KMS does not let role lake-worker do kms:Decrypt with key {KEY}: allow it in the key's policy",
        ),
        (
            "KMS.DisabledException",
            f"{KEY} is disabled.",
            f"{KEY} turned off: aws kms enable-key --key-id {KEY}",
        ),
        ("KMS.KMSInvalidStateException", f"{KEY} is pending deletion.", f"aws kms cancel-key-deletion --key-id {KEY}"),
        ("KMS.NotFoundException", f"Key '{KEY}' does not exist", f"KMS has no key {KEY}: what was encrypted under"),
        (
            "KmsAccessDenied",
            "no",
            "let the role that asks do kms:Decrypt and kms:GenerateDataKey with the key of this",
        ),
        ("KMSDisabled", "", "KMS has the key of this bucket, queue, topic or table turned off"),
        ("KMSInvalidState", "", "aws kms describe-key --key-id KEY says why"),
        (
            "AccessDenied",
            f"User: {ROLE} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no "
            "resource-based policy allows the s3:GetObject action",
            "The owner of it, another account perhaps, has to allow it to role lake-worker in its own policy",
        ),
        (
            "AccessDenied",
            f"User: {ROLE} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no "
            "identity-based policy allows the s3:GetObject action",
            "Give role lake-worker the right: docs/iam.md",
        ),
        (
            "AccessDenied",
            f"User: {ROLE} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k with an explicit "
            "deny in a service control policy",
            "A service control policy forbids it to role lake-worker",
        ),
        ("AccessDenied", "Access Denied", "Of another account's bucket the bucket's policy has to allow it too"),
        ("403", "Forbidden", "Compare the rights of the role that asks with docs/iam.md"),
        (
            "AccessDenied",
            'Bucket is a requester pays bucket but no "x-amz-request-payer" header found.',
            "The bucket has Requester Pays on, which the lake does not pay",
        ),
        (
            "AccessDeniedException",
            "Insufficient Lake Formation permission(s): Required Create Table on lake",
            "Lake Formation governs this table, and IAM's rights do not suffice there: grant the role that asks",
        ),
        ("ExpiredToken", "The provided token has expired.", "AWS does not take these credentials: sign in anew"),
        ("NoSuchBucket", "The specified bucket does not exist", "Name the right bucket in resources"),
        ("TooManyRequestsException", "Rate exceeded", "Athena's slots for queries are taken: it is tried again"),
    ],
)
def test_a_refusal_says_what_to_do(code: str, message: str, said: str) -> None:
    reason = reason_of(failure(code, message))
    assert f"({code})" in reason, "AWS's own words come first"
    assert said in reason.partition("operation:")[2], reason


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Bytes scanned limit was exceeded", "raise deployment.bytes_scanned_cutoff and deploy"),
        (
            f"AccessDeniedException: {ROLE} is not authorized to perform: lakeformation:GetDataAccess on it",
            "grant role lake-worker the database and its tables in Lake Formation",
        ),
        (f"Access Denied: kms:Decrypt on {KEY}", f"with key {KEY}: allow it in the key's policy"),
    ],
)
def test_a_reason_of_athenas_says_what_to_do(reason: str, said: str) -> None:
    assert with_advice(reason).startswith(f"{reason}. ")
    assert said in with_advice(reason)


def test_a_reason_that_says_all_itself_gets_nothing_added() -> None:
    assert with_advice("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved") == (
        "SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved"
    )


@pytest.mark.parametrize(
    ("storage_class", "request_"),
    [
        ("DEEP_ARCHIVE", '\'{"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}\''),
        ("GLACIER", '\'{"Days": 7, "GlacierJobParameters": {"Tier": "Standard"}}\''),
        ("INTELLIGENT_TIERING", '\'{"GlacierJobParameters": {"Tier": "Standard"}}\''),
    ],
)
def test_the_command_restores_an_object_of_its_class(storage_class: str, request_: str) -> None:
    assert restore_command("b", "in/it's.csv", storage_class) == (
        f"aws s3api restore-object --bucket b --key 'in/it'\\''s.csv' --restore-request {request_}"
    )
