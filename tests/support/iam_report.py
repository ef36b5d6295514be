"""Which rights of the templates the tests used, by what the local AWS noted (LOCALAWS_IAM_RECORDS).

    pytest tests/infrastructure --iam-report

writes docs/iam.md, and fails for a right that no test uses unless the template says why it is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.iam_policies import PRINCIPALS, Statement, statements

COMMAND = "pytest tests/infrastructure --iam-report"
# Who has a role's rights on the local AWS: users in Airflow's workers' place, and the functions' own roles.
_WORKERS = re.compile(r":user/(airflow-workers|workers-of-[^/]*|worker)$")
_FUNCTIONS = re.compile(r":assumed-role/[^/]*(FileProcessorRole|StreamProcessorRole)[^/]*/([^/]*)$")
# The sessions of tests that look whether something is denied.
DENIED_SESSION = "denied"


@dataclass(frozen=True)
class Use:
    """A right that was used: of a role, by a statement, on the resource at a place in it."""

    role: str
    sid: str
    action: str
    place: int


@dataclass(frozen=True)
class Report:
    """``uses``: with an example of a resource. ``denied``: (role, action, resource) that nobody expected."""

    uses: Mapping[Use, str]
    denied: tuple[tuple[str, str, str], ...]

    def unused(self) -> list[tuple[str, Statement, str, int]]:
        """Rights that no test used and of which the template does not say why they are kept."""
        return [
            (role, statement, action, place)
            for role in PRINCIPALS
            for statement in statements(role)
            for action in statement.actions
            for place in range(len(statement.resources))
            if not statement.unseen(action) and Use(role, statement.sid, action, place) not in self.uses
        ]

    def stale(self) -> list[tuple[str, str, str]]:
        """Rights that the template says no test uses, and that one did use."""
        used = {(use.role, use.sid, use.action) for use in self.uses}
        return sorted(
            (role, statement.sid, action)
            for role in PRINCIPALS
            for statement in statements(role)
            for action in statement.actions
            if statement.unseen(action) and (role, statement.sid, action) in used
        )

    def as_json(self) -> dict[str, Any]:
        uses = [{**vars(use), "example": self.uses[use]} for use in sorted(self.uses, key=lambda use: str(vars(use)))]
        unused = [
            {"role": role, "sid": statement.sid, "action": action, "resource": statement.resources[place]}
            for role, statement, action, place in self.unused()
        ]
        denied = [dict(zip(("role", "action", "resource"), one, strict=True)) for one in self.denied]
        return {"used": uses, "unused": unused, "denied": denied, "used although unseen": self.stale()}


def read(folder: Path) -> Report:
    """The report on the records in a folder."""
    lines = (line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines())
    return report(json.loads(line) for line in lines)


def report(records: Iterable[Mapping[str, Any]]) -> Report:
    """The report on records as ``localaws.iam.records`` has them."""
    uses: dict[Use, str] = {}
    denied = set()
    for record in records:
        role, expects_denial = role_of(record["principal"])
        if role is None:
            continue
        if record["allowed"]:
            for sid, place, _ in record["grants"]:
                # A list of tables is one resource of the template, several of the policy.
                known = {statement.sid: len(statement.resources) for statement in statements(role)}
                use = Use(role, sid, record["action"], min(place, known.get(sid, 1) - 1))
                uses.setdefault(use, record["resource"])
        elif not expects_denial:
            denied.add((role, record["action"], record["resource"]))
    return Report(uses, tuple(sorted(denied)))


def role_of(principal: str) -> tuple[str | None, bool]:
    """The role that a principal has the rights of, None for others; and whether it is there to be denied."""
    if _WORKERS.search(principal):
        return "workers", False
    found = _FUNCTIONS.search(principal)
    return (found[1], found[2] == DENIED_SESSION) if found else (None, False)


def page() -> str:
    """docs/iam.md: what is granted, to whom, why, and that the tests use it."""
    lines = [
        "# Who may do what",
        "",
        "Every right that `infrastructure/template.yaml` grants. `make up`, `make demo`, the end-to-end tests and the",
        "fault harness run with IAM enforced, each part under its own role, and the local AWS notes what it evaluates.",
        "The tests use each right below, or it is kept for the reason beside it. What they use and nobody granted",
        "fails them. `infrastructure/iam_policies.json` has the same as policies, for those who review the rights or",
        "make roles by hand.",
        "",
        f"This page is made by `{COMMAND}`, which also writes an example of each use to `build/iam.json`.",
    ]
    for role, title in PRINCIPALS.items():
        lines += ["", f"## {title}", "", "| Statement | Action | On | Used by tests |", "|---|---|---|---|"]
        for statement in statements(role):
            on = ", ".join(f"`{resource}`" for resource in statement.resources)
            for action in statement.actions:
                lines.append(f"| {statement.sid} | `{action}` | {on} | {statement.unseen(action) or 'yes'} |")
        lines += ["", "| Statement | Why |", "|---|---|"]
        lines += [f"| {statement.sid} | {statement.reason} |" for statement in statements(role)]
    return "\n".join(lines) + "\n"
