"""What an error of AWS means: whether time cures it, and what kind it is. The codes are ``aws.error_codes``.

A code that the table lacks is judged by the HTTP status, as AWS asks of clients: 5xx, 408, 409 and 429 pass, other 4xx
are the request's own fault, and come again
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from lakelanes.aws.error_codes import CODES, COMMON, CREDENTIALS, Kind, Row
from lakelanes.errors import LakeError

# Kinds that another try can cure.
PASSING: frozenset[Kind] = frozenset({"passing", "changed", "exists"})
# Where a client's answers name their service (see ``name_service``), in the metadata of each.
_SERVICE = "LakeService"
_PASSING_STATUSES = frozenset({408, 409, 429})
# What botocore refuses before it sends anything. Credentials are not among them: a worker's come from a server that may
# not have answered.
_NEVER_SENT = (
    botocore.ParamValidationError,
    botocore.UnknownServiceError,
    botocore.UnknownRegionError,
    botocore.InvalidRegionError,
    botocore.NoRegionError,
    botocore.ProfileNotFound,
    botocore.UnsupportedSignatureVersionError,
)
_CANCELLED = "TransactionCanceledException"


def _by_code(rows: Iterable[Row]) -> dict[str, Kind]:
    return {code: row.kind for row in rows for code in row.codes}


_COMMON: Mapping[str, Kind] = _by_code(COMMON)
_KINDS: Mapping[str, Mapping[str, Kind]] = {service: _by_code(rows) for service, rows in CODES.items()}


def name_service(parsed: Any, model: Any, **_: Any) -> None:
    """A handler of botocore's event ``after-call``: an error's answer says of which service it is, which botocore's
    errors do not, and services use the same code for different things."""
    if isinstance(parsed, dict):
        parsed.setdefault("ResponseMetadata", {})[_SERVICE] = model.service_model.service_name


def error_code(error: BaseException) -> str:
    """AWS's code of a ClientError ('404' and 'NoSuchKey' are S3's words for the same), '' for anything else."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def kind_of_code(code: str, service: str | None = None, status: int = 0) -> Kind | None:
    """The kind of a code. service: as botocore names it; without it the kind that all services agree on.

    status: the answer's HTTP status, for a code that no table has; without it None is the answer to such a code.
    """
    kinds = {own[code] for name, own in _KINDS.items() if code in own and service in (None, name)}
    if not kinds and code in _COMMON:
        return _COMMON[code]
    if len(kinds) == 1:
        return kinds.pop()
    if status >= 500 or status in _PASSING_STATUSES:
        return "passing"
    return "invalid" if status >= 400 else None


def code_passes(code: str, service: str) -> bool:
    """Whether another try can cure what a service answered with this code; of a code that no table has it may."""
    return kind_of_code(code, service) in PASSING | {None}


def kind_of(error: BaseException, service: str | None = None) -> Kind | None:
    """The kind of an error of AWS; None of any other, and of a code that nothing is known of. service: whose error it
    is, for one that does not say so itself."""
    if not isinstance(error, ClientError):
        return None
    code, metadata = error_code(error), error.response.get("ResponseMetadata", {})
    if code == _CANCELLED:
        return kind_of_cancellation(error)
    status = int(metadata.get("HTTPStatusCode", 0) or 0)
    named: Any = metadata.get(_SERVICE)
    return kind_of_code(code, named or service, status)


def kind_of_cancellation(error: BaseException) -> Kind:
    """Why DynamoDB cancelled a transaction, by the codes of its items: ``invalid`` if that would come again,
    ``changed`` if a condition did not hold, else ``passing``.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    """
    reasons: Iterable[Mapping[str, Any]] = getattr(error, "response", {}).get("CancellationReasons", ())
    kinds = {kind_of_code(str(one.get("Code")), "dynamodb cancellation") for one in reasons} - {None}
    first: tuple[Kind, ...] = ("invalid", "refused", "changed")
    return next((kind for kind in first if kind in kinds), "passing")


def is_missing(error: BaseException) -> bool:
    """Whether what the request named is not there."""
    return kind_of(error) == "missing"


def is_changed(error: BaseException) -> bool:
    """Whether a condition of the request did not hold, because somebody else wrote meanwhile."""
    return kind_of(error) == "changed"


def is_refused(error: BaseException) -> bool:
    """Whether AWS does not let the caller do that; it knows who it is."""
    return kind_of(error) == "refused" and error_code(error) not in CREDENTIALS


def is_retryable(error: BaseException) -> bool:
    """Whether trying again later can cure ``error``: throttling, 5xx, lost connections; not a refused permission. The
    engine's own errors say so themselves, and a code that nothing is known of may pass."""
    if isinstance(error, LakeError):
        return error.retryable
    if isinstance(error, ClientError):
        return kind_of(error) in PASSING | {None}
    if isinstance(error, BotoCoreError):
        return not isinstance(error, _NEVER_SENT)
    return isinstance(error, ConnectionError | TimeoutError)
