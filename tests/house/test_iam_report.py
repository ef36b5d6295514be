"""The report on used rights finds what it is for; docs/iam.md and iam_policies.json are made of the template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.iam_policies import PRINCIPALS, document, statements
from tests.house.test_files import REPOSITORY
from tests.support import iam_report
from tests.support.iam_report import Use, report, role_of

ROLE = "arn:aws:sts::1:assumed-role/lakelanes-x-FileProcessorRole-1A2B/"


def record(principal: str, action: str, *grants: tuple[str, int, str], allowed: bool = True) -> dict[str, Any]:
    return {"principal": principal, "action": action, "resource": "r", "allowed": allowed, "grants": list(grants)}


def everything() -> list[dict[str, Any]]:
    """Records of a run that used every right, but for those that the template says no test uses."""
    principals = {
        "workers": "arn:aws:iam::1:user/airflow-workers",
        "FileProcessorRole": f"{ROLE}tests",
        "StreamProcessorRole": "arn:aws:sts::1:assumed-role/lakelanes-x-StreamProcessorRole-1A2B/lambda",
    }
    return [
        record(principals[role], action, (statement.sid, place, "pattern"))
        for role in PRINCIPALS
        for statement in statements(role)
        for action in statement.actions
        for place in range(len(statement.resources))
        if not statement.unseen(action)
    ]


@pytest.mark.parametrize(
    ("principal", "role"),
    [
        ("arn:aws:iam::1:user/airflow-workers", ("workers", False)),
        ("arn:aws:iam::1:user/workers-of-lake-12ab", ("workers", False)),
        (f"{ROLE}lakelanes-x-FileProcessor", ("FileProcessorRole", False)),
        (f"{ROLE}denied", ("FileProcessorRole", True)),
        ("arn:aws:iam::1:user/denied", (None, False)),
        ("arn:aws:iam::1:user/somebody", (None, False)),
    ],
)
def test_a_principal_is_known_by_its_role(principal: str, role: tuple[str | None, bool]) -> None:
    assert role_of(principal) == role


def test_a_run_that_used_everything_leaves_nothing_over() -> None:
    found = report(everything())
    assert (found.unused(), found.denied, found.stale()) == ([], (), [])


def test_a_right_that_nobody_used_is_found() -> None:
    records = everything()
    left_out = records.pop()
    [(role, statement, action, place)] = report(records).unused()
    assert (role, action) == ("StreamProcessorRole", left_out["action"])
    assert (statement.sid, place) == left_out["grants"][0][:2]


def test_a_denial_that_no_test_expects_is_found() -> None:
    records = [
        record(f"{ROLE}f", "s3:GetObject", allowed=False),
        record(f"{ROLE}denied", "s3:PutObject", allowed=False),
        record("arn:aws:iam::1:user/denied", "s3:PutObject", allowed=False),
    ]
    assert report(records).denied == (("FileProcessorRole", "s3:GetObject", "r"),)


def test_a_list_of_tables_is_one_resource_of_the_template() -> None:
    records = [record("arn:aws:iam::1:user/airflow-workers", "dynamodb:DescribeTable", ("ExportTables", 7, "p"))]
    assert list(report(records).uses) == [Use("workers", "ExportTables", "dynamodb:DescribeTable", 0)]


def test_a_reason_for_a_right_that_is_used_is_found() -> None:
    action = "s3:ListMultipartUploadParts"
    records = [record("arn:aws:iam::1:user/airflow-workers", action, ("ListResultParts", 0, "p"))]
    assert report(records).stale() == [("workers", "ListResultParts", action)]


def test_the_page_is_the_templates() -> None:
    page = (REPOSITORY / "docs" / "iam.md").read_text()
    assert page == iam_report.page(), f"make it anew: {iam_report.COMMAND}"


def test_the_policies_are_the_templates() -> None:
    assert json.loads((REPOSITORY / "infrastructure" / "iam_policies.json").read_text()) == document()


def test_every_reason_for_an_unused_right_is_of_a_right_that_is_granted() -> None:
    for role in PRINCIPALS:
        for statement in statements(role):
            assert set(statement.kept) <= set(statement.actions), statement.sid
