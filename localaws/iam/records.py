"""Which rights were used, and which were missing: what IAM evaluated, for the control ``iam`` and the tests' report."""

from __future__ import annotations

import contextvars
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localaws.iam.requests import with_ancestors

# A statement's Sid, the place of the resource in it, and that resource as the policy has it.
Grant = tuple[str, int, str]


@dataclass(frozen=True)
class Record:
    """One kind of evaluation. ``resource``: the first of its kind; ``grants``: what of the policies allows it."""

    principal: str
    action: str
    resource: str
    allowed: bool
    grants: tuple[Grant, ...]


class Records:
    """Each kind of evaluation once: by principal, action and grants, and by resource where it was denied.

    With a ``folder`` each is also appended to a file of this process there, so that nothing is lost when the process is
    killed. Thread-safe.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._found: dict[object, Record] = {}
        self._file = folder / f"{os.getpid()}-{os.urandom(4).hex()}.jsonl" if folder else None
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, record: Record) -> None:
        """Note an evaluation."""
        key = (record.principal, record.action, record.grants if record.allowed else record.resource)
        with self._lock:
            if key in self._found:
                return
            self._found[key] = record
            if self._file:
                with self._file.open("a") as file:
                    file.write(json.dumps(asdict(record)) + "\n")

    def shown(self) -> dict[str, Any]:
        """All of them, as the control ``iam`` shows them."""
        with self._lock:
            return {"records": [asdict(record) for record in self._found.values()]}

    def reset(self) -> None:
        """Forget them; what was written stays."""
        with self._lock:
            self._found.clear()


# What ``evaluate`` was given within the ``enforce`` that runs.
_evaluated: contextvars.ContextVar[list[tuple[Any, Any]] | None] = contextvars.ContextVar("evaluated", default=None)


def install(evaluator: Any, records: Records) -> None:
    """Have ministack's ``iam_evaluator`` note what it evaluates, and ask for all of a request's resources in Glue."""
    evaluate, enforce = evaluator.evaluate, evaluator.enforce

    def evaluating(context: Any, policies: Any, *limits: Any) -> Any:
        noted = _evaluated.get()
        if noted is not None:
            noted.append((context, policies))
        return evaluate(context, policies, *limits)

    def enforcing_one(*arguments: Any, **options: Any) -> Any:
        token = _evaluated.set([])
        try:
            denied = enforce(*arguments, **options)
            noted = _evaluated.get()
        finally:
            _evaluated.reset(token)
        if noted:
            # The first are the caller's own policies; a resource's may follow.
            context, policies = noted[0]
            records.add(record_of(evaluator, context, policies, denied is None))
        return denied

    def enforcing(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        for resource in with_ancestors(resource_arn) if service == "glue" else [resource_arn]:
            denied = enforcing_one(
                access_key, action, service, region, resource_arn=resource, service_context=service_context
            )
            if denied is not None:
                return denied
        return None

    evaluator.evaluate, evaluator.enforce = evaluating, enforcing


def record_of(evaluator: Any, context: Any, policies: Any, allowed: bool) -> Record:
    """The record of an evaluation, with every statement and resource that allows it."""
    matches: Callable[[str, str], bool] = evaluator.fnmatch_iam_cs
    grants = [
        (statement.sid, place, pattern)
        for statements in policies
        for statement in statements
        if statement.effect == "Allow"
        and any(evaluator.fnmatch_iam(context.action, action) for action in statement.actions)
        for place, pattern in enumerate(statement.resources)
        if matches(context.resource_arn, pattern)
    ]
    return Record(context.principal_arn, context.action, context.resource_arn, allowed, tuple(sorted(grants)))
