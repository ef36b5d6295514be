"""Rights that a service asks for in somebody's name, where no request of theirs does; all are there without AUTH."""

from __future__ import annotations

from typing import Any

from localaws.access import Caller
from localaws.iam.records import Records, record_of

_records: list[Records] = []


def record_into(records: Records) -> None:
    """Where the roles' evaluations are noted."""
    _records[:] = [records]


def enforced() -> bool:
    """Whether this server enforces IAM."""
    from ministack.app import AUTH

    return bool(AUTH)


def allowed(caller: Caller, action: str, resource: str) -> bool:
    """Whether the caller of a request may do something."""
    if not enforced():
        return True
    from ministack.core import iam_evaluator

    service = action.partition(":")[0]
    return iam_evaluator.enforce(caller.access_key, action, service, caller.region, resource_arn=resource) is None


def allowed_to_role(role: str, action: str, resource: str) -> bool:
    """Whether a service that has assumed the role (by ARN) may do something for it."""
    if not enforced():
        return True
    from ministack.core import iam_evaluator
    from ministack.core.responses import get_account_id, get_region

    name = role.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/lambda",
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    policies: Any = iam_evaluator._gather_role_policies(name, get_account_id())
    decision = iam_evaluator.evaluate(context, policies).decision == "Allow"
    for records in _records:
        records.add(record_of(iam_evaluator, context, policies, decision))
    return bool(decision)
