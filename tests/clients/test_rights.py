"""The policies of docs/clients.md are policies, ask for no more than they say, and their use is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients import rights
from tests.support.localaws import ACCOUNT

DOCUMENTS = rights.documents()
NAMES = {
    "lakelanes-analytics": "mine-analytics",
    "analytics_db": "mine_db",
    "analytics_workgroup": "mine_workgroup",
    "lakelanes-models": "mine-models",
    "models_db": "mine_models",
    "models_workgroup": "mine_models_workgroup",
}
# What another's data may be changed by.
CHANGING = ("Put", "Delete", "Create", "Update", "BatchCreate", "BatchDelete")


def statements(name: str) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = rights.policy(name, NAMES)["Statement"]
    return made


def test_the_page_has_each_policy_that_a_client_has() -> None:
    assert DOCUMENTS.keys() == {name for names in rights.OF_CLIENT.values() for name in names}
    sids = [statement["Sid"] for document in DOCUMENTS.values() for statement in document["Statement"]]
    assert len(sids) == len(set(sids)), "a right is found by its statement's name"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_policy_names_every_action_and_resource(name: str) -> None:
    document = DOCUMENTS[name]
    assert document["Version"] == "2012-10-17"
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        assert "*" not in statement["Resource"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_changed_is_a_clients_own(name: str) -> None:
    for statement in statements(name):
        if any(action.split(":")[1].startswith(CHANGING) for action in statement["Action"]):
            places = [one for one in statement["Resource"] if not one.endswith((":catalog", ":database/default"))]
            for place in places:
                own = ("/athena-results/*", "/temp_table_*", ":database/mine_db", ":workgroup/mine_workgroup")
                assert "mine-models" in place or "mine_models" in place or place.endswith(own), place


def test_names_become_those_of_a_lake() -> None:
    text = json.dumps([statements(name) for name in DOCUMENTS])
    assert not any(name in text for name in ("lakelanes", "analytics_db", "models_db", "123456789012"))
    assert f"arn:aws:glue:us-east-1:{ACCOUNT}:table/mine_db/*" in text
    assert "mine-analytics/athena-results/*" in text


def test_a_policy_is_found_by_its_heading() -> None:
    page = '## The policy `one`\n\nWhy.\n\n```json\n{"a": 1}\n```\n\n### The policy `two`\n```json\n{"b": 2}\n```\n'
    assert rights.documents(page) == {"one": {"a": 1}, "two": {"b": 2}}


def test_rights_that_nobody_used_are_told() -> None:
    policy = {"Statement": [{"Sid": "Read", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["a", "b"]}]}
    used = {"principal": "p", "action": "s3:GetObject", "allowed": True, "grants": [["Read", 1, "b"]]}
    denied = {"principal": "p", "action": "s3:PutObject", "allowed": False, "grants": [["Read", 0, "a"]]}
    assert rights.unused([policy], [used, denied]) == ["Read: s3:PutObject", "Read: a"]
    assert rights.unused([policy], [used, {**denied, "allowed": True}]) == []
    unseen = next(iter(rights.UNSEEN))
    assert rights.unused([{"Statement": [{"Sid": "Read", "Action": [unseen], "Resource": []}]}], []) == []
