"""Numbers as DynamoDB keeps them: one text for each value, 38 digits, arithmetic without loss.

"Leading and trailing zeroes are trimmed", and a number comes back in full, however it was sent: 1E+2 is 100
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html; seen on AWS in
https://github.com/boto/boto3/issues/4636 and https://github.com/ExtendDB/extenddb/pull/7). ministack does so where it
stores a whole item, but not with the keys by which items are read, changed, deleted and queried, and it adds with
Python's 28 digits. So a request is rewritten before ministack gets it. What is no number is left to ministack, which
refuses it.
"""

from __future__ import annotations

import contextlib
import decimal
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationNotFoundError, ServiceModel, Shape, StructureShape

Canonical = Callable[[str], str | None]

# From 1E-130 to 9.9...E+125, a sum of two numbers has 257 digits at most.
_EXACT = decimal.Context(prec=300, Emin=-1000, Emax=1000)


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """In this context ministack's sums lose no digit, so that it sees which of them have more than 38."""
    with decimal.localcontext(_EXACT):
        yield


def normalised(operation: str, body: bytes, canonical: Canonical) -> bytes:
    """The body of a request with each number in its one form. ``canonical`` is the form of a text, None for no number.

    A body that is no JSON object, or of an operation that botocore does not know, is returned as it is.
    """
    if b'"N' not in body:
        return body
    try:
        request = json.loads(body)
        shape = _model().operation_model(operation).input_shape
    except (ValueError, OperationNotFoundError):
        return body
    if not isinstance(request, dict) or shape is None:
        return body
    changed = normalise(request, shape, canonical)
    return json.dumps(request).encode() if changed else body


def normalise(value: Any, shape: Shape, canonical: Canonical) -> bool:
    """Rewrites the numbers of a value of this shape in place; whether there was one to rewrite."""
    if shape.name == "AttributeValue":
        return normalise_attribute(value, canonical)
    changes: list[bool] = []
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        changes = [normalise(value[name], member, canonical) for name, member in shape.members.items() if name in value]
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        changes = [normalise(member, shape.value, canonical) for member in value.values()]
    elif isinstance(shape, ListShape) and isinstance(value, list):
        changes = [normalise(member, shape.member, canonical) for member in value]
    return any(changes)


def normalise_attribute(value: Any, canonical: Canonical) -> bool:
    """Rewrites the numbers of an attribute value in place; whether there was one to rewrite."""
    if not isinstance(value, dict):
        return False
    changes: list[bool] = []
    for kind, content in value.items():
        if kind == "N":
            text = _form(content, canonical)
            changes.append(text != content)
            value[kind] = text
        elif kind == "NS" and isinstance(content, list):
            texts = [_form(member, canonical) for member in content]
            # ministack names the members of a set that it refuses, so such a set stays as it was sent.
            if len(set(map(str, texts))) == len(texts):
                changes.append(texts != content)
                value[kind] = texts
        elif kind == "M" and isinstance(content, dict):
            changes += [normalise_attribute(member, canonical) for member in content.values()]
        elif kind == "L" and isinstance(content, list):
            changes += [normalise_attribute(member, canonical) for member in content]
    return any(changes)


def _form(text: Any, canonical: Canonical) -> Any:
    found = canonical(text) if isinstance(text, str) else None
    return text if found is None else found


@functools.cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("dynamodb")
