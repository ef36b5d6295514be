"""The tables of AWS's codes: each code is one of the service's, and the engine looks at codes through them alone."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.retries import standard

from lakelanes.aws import error_codes
from lakelanes.aws.error_codes import CODES, COMMON, CREDENTIALS, MODEL, Row

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
# Whose answers they are: the table of a transaction's reasons is DynamoDB's.
SERVICE = {"dynamodb cancellation": "dynamodb"}
# Any of these has those that every service may answer with.
OTHERS = ("sts", "iam", "ec2", "kms", "cloudwatch", "lambda", "sso-oidc", "ecr", "s3", "rds", "sqs")
# On AWS's pages of common errors, and neither in botocore's descriptions nor in moto's sources.
ELSEWHERE = frozenset(
    {"InternalFailure", "RequestExpired", "MissingAuthenticationToken", "OptInRequired", "InvalidAction"}
    | {"NotAuthorized", "IncompleteSignature"}
    | {"UnrecognizedClientException", "InvalidSignatureException", "UnknownOperationException"}
)


@cache
def description(service: str) -> Any:
    return botocore.session.get_session().get_component("data_loader").load_service_model(service, "service-2")


@cache
def shapes(service: str) -> frozenset[str]:
    """The codes of a service's error shapes: as botocore reads them from an answer."""
    found = {
        shape.get("error", {}).get("code", name)
        for name, shape in description(service)["shapes"].items()
        if shape.get("exception")
    }
    return frozenset(found)


@cache
def words(service: str) -> frozenset[str]:
    """Every word of a service's description, its documentation included."""
    return frozenset(re.findall(r"[A-Za-z0-9][\w.]*\w", json.dumps(description(service))))


@cache
def moto_words() -> frozenset[str]:
    spec = importlib.util.find_spec("moto")
    assert spec and spec.origin
    found: set[str] = set()
    for service in ("core", "s3", "sqs", "sns", "dynamodb", "glue", "athena"):
        for path in (Path(spec.origin).parent / service).rglob("*.py"):
            found.update(re.findall(r"[A-Za-z0-9][\w.]*\w", path.read_text(encoding="utf-8")))
    return frozenset(found)


def retried() -> set[str]:
    throttled = standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    return {*throttled, *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES}


def is_documented(code: str, service: str) -> bool:
    if code.startswith("KMS."):
        return code.removeprefix("KMS.") in shapes("kms")
    if code.isdigit():
        return 300 <= int(code) < 500
    known = code in words(service) or code in retried() or code in moto_words() or code in ELSEWHERE
    return known or any(code in words(other) for other in OTHERS)


ROWS = [pytest.param(service, row, id=f"{service}-{row.codes[0]}") for service in CODES for row in CODES[service]]


@pytest.mark.parametrize(("service", "row"), ROWS)
def test_a_code_is_one_of_the_services(service: str, row: Row) -> None:
    own = SERVICE.get(service, service)
    if row.source == MODEL:
        assert set(row.codes) <= shapes(own)
    else:
        assert row.source.startswith("https://docs.aws.amazon.com/")
        assert [code for code in row.codes if not is_documented(code, own)] == []


@pytest.mark.parametrize("row", COMMON, ids=lambda row: row.codes[0])
def test_a_code_that_all_services_have_is_documented(row: Row) -> None:
    assert row.source.startswith("https://docs.aws.amazon.com/")
    assert [code for code in row.codes if not is_documented(code, "sqs")] == []


def test_what_botocore_tries_again_passes() -> None:
    passing = {code for row in COMMON if row.kind == "passing" for code in row.codes}
    # Quotas are exhausted by the second, and by the day.
    assert retried() - passing <= {
        "ProvisionedThroughputExceededException",
        "EC2ThrottledException",
        "LimitExceededException",
    }


@pytest.mark.parametrize("service", CODES)
def test_a_table_has_a_code_once(service: str) -> None:
    counted = Counter(code for row in CODES[service] for code in row.codes)
    assert [code for code, count in counted.items() if count > 1] == []


def test_codes_of_credentials_are_refusals() -> None:
    rows = [*COMMON, *CODES["s3"]]
    assert {code for row in rows if row.kind == "refused" for code in row.codes} >= CREDENTIALS


def literals(path: Path) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def exceptions_of(path: Path) -> set[str]:
    """Names of a client's exceptions, as in ``client.exceptions.Name``."""
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "exceptions"
    }


def test_the_engine_looks_at_codes_through_the_tables_alone() -> None:
    known = {code for rows in (*CODES.values(), COMMON) for row in rows for code in row.codes if not code.isdigit()}
    allowed = {
        "aws/error_codes.py",
        "aws/failures.py",  # the code of a transaction whose reasons say what it means
        "aws/reasons.py",  # what people do about one
        "aws/storage.py",  # the answer to a range of an empty object
        "tables/export_requests.py",  # which gap of the exports a refusal means
    }
    found = {
        f"{path.relative_to(PLUGINS)}: {name}"
        for path in sorted(PLUGINS.rglob("*.py"))
        if str(path.relative_to(PLUGINS / "lakelanes" if "lakelanes/" in str(path) else PLUGINS)) not in allowed
        for name in literals(path) & known
    }
    assert found == set()


def test_exceptions_of_clients_that_the_engine_catches_are_in_the_tables() -> None:
    known = {code for rows in CODES.values() for row in rows for code in row.codes}
    known |= {"ClientError", "TransactionCanceledException"}
    found = {name for path in PLUGINS.rglob("*.py") for name in exceptions_of(path)}
    assert found and found <= known


def test_every_kind_is_used() -> None:
    kinds = {row.kind for rows in CODES.values() for row in rows}
    assert kinds == set(error_codes.Kind.__args__)  # type: ignore[attr-defined]
