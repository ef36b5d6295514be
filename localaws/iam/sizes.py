"""How long policies may be, and how many a role takes, in a template: IAM's quotas, which ministack does not know.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: white space is not counted.
"""

from __future__ import annotations

import json
from typing import Any

MANAGED_POLICY = 6_144
ROLE_INLINE = 10_240
POLICIES_PER_ROLE = 10

Properties = dict[str, Any]


def size(document: Any) -> int:
    """A policy's size as IAM counts it, in characters."""
    parsed = json.loads(document) if isinstance(document, str) else document
    return len(json.dumps(parsed, separators=(",", ":"), ensure_ascii=False))


def attach(handlers: dict[str, dict[str, Any]], iam: Any) -> None:
    """Have CloudFormation's handlers of policies and roles refuse what IAM would refuse."""
    _checked(handlers["AWS::IAM::ManagedPolicy"], lambda properties: _check_policy(properties, iam))
    _checked(handlers["AWS::IAM::Role"], _check_role)


def _checked(handler: dict[str, Any], check: Any) -> None:
    create, update = handler["create"], handler["update"]

    def creating(logical_id: str, properties: Properties, *arguments: Any, **options: Any) -> Any:
        check(properties)
        return create(logical_id, properties, *arguments, **options)

    def updating(physical_id: str, old: Properties, new: Properties, *arguments: Any, **options: Any) -> Any:
        check(new)
        return update(physical_id, old, new, *arguments, **options)

    handler.update({"create": creating, "update": updating})


def _check_policy(properties: Properties, iam: Any) -> None:
    if size(properties.get("PolicyDocument", {})) > MANAGED_POLICY:
        raise ValueError(f"Cannot exceed quota for PolicySize: {MANAGED_POLICY}")
    for name in properties.get("Roles") or []:
        role = iam._roles.get(name)
        if role is not None and len(role.get("AttachedPolicies", [])) >= POLICIES_PER_ROLE:
            raise ValueError(f"Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}")


def _check_role(properties: Properties) -> None:
    if sum(size(policy.get("PolicyDocument", {})) for policy in properties.get("Policies") or []) > ROLE_INLINE:
        raise ValueError(f"Maximum policy size of {ROLE_INLINE} bytes exceeded for role")
    if len(properties.get("ManagedPolicyArns") or []) > POLICIES_PER_ROLE:
        raise ValueError(f"Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}")
