"""The policies of docs/clients.md, given to users of a local AWS, and whether each of their rights was used.

The page's examples name the resources of include/lake.json; here they become those of a lake that is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from scripts.worker_user import make_key, make_user
from tests.support.localaws import ACCOUNT, REPOSITORY

PAGE = REPOSITORY / "docs" / "clients.md"
# The page's policies, by the client that has them; "read" is everybody's.
OF_CLIENT = {
    "pyathena": ("read",),
    "awswrangler": ("read", "frames"),
    "dbt": ("read", "models"),
    "ibis": ("read",),
}
# Of AWS's Athena alone, which takes them for large results and chosen partitions, as QuickSight's role says of them.
UNSEEN = (
    *("glue:BatchGetPartition", "glue:GetPartition"),
    *("s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"),
)
_EXAMPLE = re.compile(r"^#+ The policy `(\w+)`$.*?^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documents(page: str | None = None) -> dict[str, dict[str, Any]]:
    """The page's policies by name, as they stand there."""
    text = PAGE.read_text(encoding="utf-8") if page is None else page
    return {name: json.loads(body) for name, body in _EXAMPLE.findall(text)}


def policy(name: str, names: Mapping[str, str]) -> dict[str, Any]:
    """A policy with names of one's own: ``names`` has them by those of the page."""
    text = json.dumps(documents()[name])
    known = {"123456789012": ACCOUNT, **names}
    pattern = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    made: dict[str, Any] = json.loads(re.sub(pattern, lambda found: known[found[0]], text))
    return made


def user_with(iam: Any, user: str, policies: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """A new user of IAM with these policies, by name; its credentials, as variables of a process."""
    make_user(iam, user)
    for name, document in policies.items():
        iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=json.dumps(document))
    return make_key(iam, user)


def unused(policies: Iterable[Mapping[str, Any]], records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Actions and resources of the policies that no record of ``localaws.iam.records`` needed, but for UNSEEN."""
    actions, places = set(), set()
    for record in records:
        if record["allowed"]:
            for sid, place, _ in record["grants"]:
                actions.add((sid, record["action"].lower()))
                places.add((sid, place))
    found = []
    for statement in (one for document in policies for one in document["Statement"]):
        sid = statement["Sid"]
        asked = [one for one in statement["Action"] if one not in UNSEEN]
        found += [f"{sid}: {one}" for one in asked if (sid, one.lower()) not in actions]
        found += [f"{sid}: {one}" for place, one in enumerate(statement["Resource"]) if (sid, place) not in places]
    return found
