"""AWS's error codes that the engine can meet, by service: what kind of error each is, and the document that has it.

Data alone; ``lakelanes.aws.failures`` answers questions about an error by it. A kind says what helps:

    passing    nothing but time: throttling, a fault of the service's own, others in the way at this moment
    changed    a condition did not hold: somebody else wrote meanwhile; whoever reads again sees what
    exists     what was to be made is there already
    missing    what was named is not there: a key, a table, a queue
    nowhere    not even the bucket is there in which it would be
    refused    the caller may not do that, or is not known: a policy, credentials that ran out
    key        a key of KMS keeps from reading or writing: its policy, its state
    archived   the object is in an archive, and has to be restored before it can be read
    full       a limit is used up that time does not raise: a quota, rows of a data set
    invalid    the request itself is wrong, and would be the next time

The first three can be cured by another try, the others by people alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["passing", "changed", "exists", "missing", "nowhere", "refused", "key", "archived", "full", "invalid"]

# botocore's description of the service: its error shapes, and their documentation (data/<service>/*/service-2.json).
MODEL = "botocore"
_S3_LIST = "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"
_S3_WRITES = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"
# HEAD has no body, and so no code but the status.
_S3_HEAD = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"
# S3 and SQS put 'KMS.' before the codes of KMS.
_KMS = "https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors"
_SQS_QUERY = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html"
_COMMON = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html"
_CANCELLED = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"
# botocore's own retries: botocore/retries/standard.py.
_RETRIES = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"
_CREDENTIALS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html"


@dataclass(frozen=True)
class Row:
    """Codes of one kind that one document has."""

    kind: Kind
    source: str
    codes: tuple[str, ...]


def _row(kind: Kind, source: str, codes: str) -> Row:
    return Row(kind, source, tuple(codes.split()))


# Nobody is known by these credentials, or not any more.
CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId"}
    | {"InvalidClientTokenId", "UnrecognizedClientException", "MissingAuthenticationToken"}
    | {"SignatureDoesNotMatch", "InvalidSignatureException"}
)
# Every service may answer with these.
COMMON: tuple[Row, ...] = (
    _row(
        "passing",
        _RETRIES,
        "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException "
        "TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded SlowDown RequestTimeout "
        "RequestTimeoutException PriorRequestNotComplete TransactionInProgressException",
    ),
    # RequestExpired: the clock stood still between signing and sending; every try is signed anew.
    _row("passing", _COMMON, "InternalFailure InternalError ServiceUnavailable RequestExpired"),
    _row(
        "refused",
        _COMMON,
        "AccessDenied AccessDeniedException NotAuthorized IncompleteSignature MissingAuthenticationToken "
        "OptInRequired InvalidClientTokenId UnrecognizedClientException",
    ),
    _row(
        "refused",
        _CREDENTIALS,
        "AuthFailure ExpiredToken ExpiredTokenException InvalidAccessKeyId InvalidSignatureException "
        "SignatureDoesNotMatch UnauthorizedOperation",
    ),
    _row("invalid", _COMMON, "InvalidAction InvalidParameterCombination InvalidParameterValue MissingParameter"),
    _row("invalid", _COMMON, "ValidationError ValidationException SerializationException UnknownOperationException"),
)

CODES: Mapping[str, tuple[Row, ...]] = {
    "s3": (
        # RequestTimeTooSkewed: as RequestExpired above. OperationAborted: another change of the same bucket.
        _row("passing", _S3_LIST, "InternalError ServiceUnavailable SlowDown RequestTimeout RequestTimeTooSkewed"),
        _row("passing", _S3_LIST, "OperationAborted TemporaryRedirect IncompleteBody"),
        _row("changed", _S3_LIST, "PreconditionFailed"),
        _row("changed", _S3_WRITES, "ConditionalRequestConflict"),
        _row("changed", _S3_HEAD, "409 412"),
        # Of an upload that was completed by a request whose answer was lost, and is completed again.
        _row("missing", MODEL, "NoSuchUpload NoSuchKey"),
        _row("nowhere", MODEL, "NoSuchBucket"),
        _row("missing", _S3_LIST, "NoSuchVersion"),
        _row("missing", _S3_HEAD, "404"),
        _row("refused", MODEL, "AccessDenied"),
        _row("refused", _S3_HEAD, "401 403"),
        _row("refused", _S3_LIST, "AccountProblem AllAccessDisabled ExpiredToken InvalidAccessKeyId InvalidPayer"),
        _row("refused", _S3_LIST, "InvalidToken NotSignedUp SignatureDoesNotMatch TokenRefreshRequired"),
        _row("key", _KMS, "KMS.DisabledException KMS.NotFoundException KMS.KMSInvalidStateException"),
        _row("key", _KMS, "KMS.InvalidKeyUsageException KMS.InvalidGrantTokenException KMS.IncorrectKeyException"),
        _row("passing", _KMS, "KMS.KeyUnavailableException KMS.KMSInternalException KMS.DependencyTimeoutException"),
        _row("archived", MODEL, "InvalidObjectState"),
        _row("invalid", MODEL, "InvalidRequest EncryptionTypeMismatch"),
        _row("invalid", _S3_LIST, "AuthorizationHeaderMalformed BadDigest EntityTooLarge EntityTooSmall"),
        _row("invalid", _S3_LIST, "InvalidArgument InvalidBucketName InvalidDigest InvalidPart InvalidPartOrder"),
        _row("invalid", _S3_LIST, "InvalidRange InvalidStorageClass InvalidURI KeyTooLongError MalformedXML"),
        _row("invalid", _S3_LIST, "MetadataTooLarge MethodNotAllowed NotImplemented PermanentRedirect"),
        _row("invalid", _S3_HEAD, "301 400 405"),
    ),
    "dynamodb": (
        _row("passing", MODEL, "InternalServerError ProvisionedThroughputExceededException RequestLimitExceeded"),
        _row("passing", MODEL, "ThrottlingException TransactionConflictException TransactionInProgressException"),
        _row("passing", MODEL, "ReplicatedWriteConflictException ResourceInUseException LimitExceededException"),
        _row("passing", MODEL, "ExportConflictException ContinuousBackupsUnavailableException"),
        _row("changed", MODEL, "ConditionalCheckFailedException"),
        _row("missing", MODEL, "ResourceNotFoundException TableNotFoundException ExportNotFoundException"),
        _row("invalid", MODEL, "IdempotentParameterMismatchException ItemCollectionSizeLimitExceededException"),
        _row("invalid", MODEL, "InvalidExportTimeException PointInTimeRecoveryUnavailableException"),
    ),
    # Why an item of a transaction kept it from being done: the codes of TransactionCanceledException's reasons.
    "dynamodb cancellation": (
        _row("passing", _CANCELLED, "TransactionConflict ThrottlingError ProvisionedThroughputExceeded"),
        _row("changed", _CANCELLED, "ConditionalCheckFailed"),
        _row("invalid", _CANCELLED, "ValidationError ItemCollectionSizeLimitExceeded"),
    ),
    "glue": (
        _row("passing", MODEL, "ConcurrentModificationException InternalServiceException OperationTimeoutException"),
        _row("passing", MODEL, "FederationSourceRetryableException FederationSourceException"),
        _row("passing", MODEL, "ResourceNotReadyException ThrottlingException"),
        _row("exists", MODEL, "AlreadyExistsException"),
        _row("missing", MODEL, "EntityNotFoundException"),
        _row("refused", MODEL, "AccessDeniedException PermissionTypeMismatchException"),
        _row("key", MODEL, "GlueEncryptionException"),
        _row("full", MODEL, "ResourceNumberLimitExceededException"),
        _row("invalid", MODEL, "InvalidInputException InvalidStateException"),
    ),
    "athena": (
        _row("passing", MODEL, "InternalServerException TooManyRequestsException"),
        _row("missing", MODEL, "ResourceNotFoundException"),
        _row("invalid", MODEL, "InvalidRequestException MetadataException"),
    ),
    "sqs": (
        _row("passing", MODEL, "RequestThrottled KmsThrottled OverLimit"),
        _row("missing", MODEL, "QueueDoesNotExist ResourceNotFoundException"),
        _row("missing", _SQS_QUERY, "AWS.SimpleQueueService.NonExistentQueue"),
        # A receipt counts until the message is received again.
        _row("changed", MODEL, "ReceiptHandleIsInvalid MessageNotInflight"),
        _row("refused", MODEL, "InvalidSecurity"),
        _row("key", MODEL, "KmsAccessDenied KmsDisabled KmsInvalidKeyUsage KmsInvalidState KmsNotFound"),
        _row("key", MODEL, "KmsOptInRequired"),
        _row("key", _KMS, "KMS.DisabledException KMS.NotFoundException"),
        _row("invalid", MODEL, "BatchEntryIdsNotDistinct BatchRequestTooLong EmptyBatchRequest InvalidAddress"),
        _row("invalid", MODEL, "InvalidAttributeName InvalidBatchEntryId TooManyEntriesInBatchRequest"),
        _row("invalid", MODEL, "UnsupportedOperation"),
    ),
    "sns": (
        _row("passing", MODEL, "InternalError Throttled KMSThrottling"),
        _row("missing", MODEL, "NotFound ResourceNotFound"),
        _row("refused", MODEL, "AuthorizationError InvalidSecurity"),
        _row("key", MODEL, "KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound KMSOptInRequired"),
        _row("invalid", MODEL, "InvalidParameter ParameterValueInvalid ValidationException"),
    ),
    "quicksight": (
        _row("passing", MODEL, "ConcurrentUpdatingException ConflictException InternalFailureException"),
        _row("passing", MODEL, "InternalServerException ResourceUnavailableException ThrottlingException"),
        _row("exists", MODEL, "ResourceExistsException"),
        _row("missing", MODEL, "ResourceNotFoundException QuickSightUserNotFoundException"),
        _row("refused", MODEL, "AccessDeniedException IdentityTypeNotSupportedException"),
        _row("refused", MODEL, "UnsupportedPricingPlanException UnsupportedUserEditionException"),
        _row("key", MODEL, "CustomerManagedKeyUnavailableException"),
        # The refreshes of a day, of which QuickSight takes a fixed number.
        _row("full", MODEL, "LimitExceededException"),
        _row("invalid", MODEL, "InvalidNextTokenException InvalidParameterValueException InvalidRequestException"),
        _row("invalid", MODEL, "PreconditionNotMetException"),
    ),
}
