"""CloudFormation templates as data: read from YAML, cut to what is imported, written as the JSON that is sent."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Template = dict[str, Any]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_BYTES = 51_200


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads the short forms of CloudFormation's functions as their long ones."""


def _function(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _function)


@cache
def _parsed(path: Path) -> str:
    return json.dumps(yaml.load(path.read_text(encoding="utf-8"), _Loader))


def load(path: Path) -> Template:
    """The template of a file, with CloudFormation's functions in their long forms. Yours to change."""
    template: Template = json.loads(_parsed(path))
    return template


def text(template: Template) -> str:
    """The template as CloudFormation is sent it: JSON without spaces, for a request holds ``MOST_BYTES``."""
    return json.dumps(template, separators=(",", ":"))


def kept_resources(template: Template) -> dict[str, Template]:
    """The resources that outlive their stack, by logical id."""
    kept = ("Retain", "RetainExceptOnCreate")
    return {name: each for name, each in template["Resources"].items() if each.get("DeletionPolicy") in kept}


def for_import(template: Template, wanted: Collection[str]) -> Template:
    """The template with the wanted resources alone, as an import takes it.

    It has no outputs, for an import changes none, and of the resources only what refers to no other resource: the rest
    comes with the update that follows.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
    """
    others = template["Resources"].keys() - set(wanted)
    resources = {}
    for name in template["Resources"]:
        if name not in wanted:
            continue
        resource = {key: value for key, value in template["Resources"][name].items() if key != "DependsOn"}
        properties = resource.get("Properties", {})
        resource["Properties"] = {key: each for key, each in properties.items() if not others & set(references(each))}
        resources[name] = resource
    return {**{key: value for key, value in template.items() if key != "Outputs"}, "Resources": resources}


def references(value: Any) -> Iterator[str]:
    """The names of parameters and resources that a part of a template refers to."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name == "Ref":
                yield inner
            elif name == "Fn::GetAtt":
                yield inner[0]
            elif name == "Fn::Sub":
                yield from _substituted(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def _substituted(value: Any) -> Iterable[str]:
    pattern, given = value if isinstance(value, list) else (value, {})
    for part in pattern.split("${")[1:]:
        name = part.partition("}")[0].partition(".")[0]
        if not name.startswith("!") and name not in given:
            yield name
    yield from references(list(given.values()))
