"""DynamoDB JSON: reads it strictly, checks its form, and writes it.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from lakelanes.errors import AttributeValueError

# The tags of sets, with the tag of their elements.
SETS = {"SS": "S", "NS": "N", "BS": "B"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SHOWN = 60


def check_members(members: Any, where: str) -> None:
    """Raises AttributeValueError unless these are names with attribute values: ``{"id": {"S": "a"}, ...}``.

    where: what they are, for the message.
    """
    if not isinstance(members, Mapping):
        raise AttributeValueError(f"{where}: found {shown(members)}, expected an object of attribute values")
    for name, value in members.items():
        _check_value(value, f"{where}, {name!r}")


def _check_value(value: Any, where: str) -> None:
    if isinstance(value, Mapping) and len(value) == 1:
        [(tag, content)] = value.items()
        if tag == "M":
            return check_members(content, where)
        if tag == "L" and isinstance(content, list):
            for at, element in enumerate(content):
                _check_value(element, f"{where}[{at}]")
            return
        if tag in SETS and isinstance(content, list) and all(_is_scalar(SETS[tag], each) for each in content):
            return
        if _is_scalar(tag, content):
            return
    raise AttributeValueError(f"{where}: found {shown(value)}, expected an attribute value such as {{'S': 'text'}}")


def _is_scalar(tag: Any, content: Any) -> bool:
    if tag == "S":
        return isinstance(content, str)
    if tag == "N":
        return isinstance(content, str) and _NUMBER.fullmatch(content) is not None
    if tag == "BOOL":
        return isinstance(content, bool)
    if tag == "B" and isinstance(content, str):
        try:
            base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            return False
        return True
    return tag == "NULL" and content is True


def parse_json(text: bytes) -> Any:
    """The value of a JSON text, strictly: no name twice, no NaN. Raises AttributeValueError with the reason."""
    try:
        return json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise AttributeValueError(f"it is not UTF-8: {error.reason} at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise AttributeValueError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise AttributeValueError("it is nested too deep") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise AttributeValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise AttributeValueError(f"it is not JSON: {name} is no JSON value")


def json_text(members: Mapping[str, Any]) -> str | None:
    """Attribute values as JSON, exact to the last digit; None when there are none."""
    if not members:
        return None
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: it can only be written as an escape
        return json.dumps(members, separators=(",", ":"))
    return text


def shown(value: Any) -> str:
    """A value for a message, cut after 60 characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
