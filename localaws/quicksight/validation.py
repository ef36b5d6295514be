"""Holds requests against the service's definition: members, types, enums, patterns, lengths and ranges.

AWS ignores members that it does not know in JSON; here they are refused, because boto3 and CloudFormation refuse them
before AWS sees them.
"""

from __future__ import annotations

import re
from typing import Any

from localaws.protocol import AwsError, constraint_error
from localaws.quicksight.operations import INVALID, service_model

# How the API Reference says that a structure takes one member alone, of the type PhysicalTable for example.
_VARIANT = "only one of the attributes can be non-null"
_KINDS: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "map": (dict,),
    "string": (str,),
    "structure": (dict,),
    "timestamp": (int, float, str),
}


def check_request(operation: str, request: dict[str, Any]) -> None:
    """Raise InvalidParameterValueException for the first member that an operation's definition does not allow."""
    check(service_model().operation_model(operation).input_shape, request, "")


def check_shape(name: str, value: Any, path: str) -> None:
    """The same for a value of a shape of the model; ``path`` is where it stands."""
    check(service_model().shape_for(name), value, path)


def check(shape: Any, given: Any, path: str) -> None:
    """The same for a value of a shape."""
    kind, value = shape.type_name, given
    if type(given) not in _KINDS[kind]:
        raise _refused(path, given, f"Member must be of type {kind}")
    if kind == "structure":
        _check_structure(shape, value, path)
    elif kind == "list":
        _check_size(shape, len(value), value, path, "length")
        for number, each in enumerate(value):
            check(shape.member, each, f"{path}[{number}]")
    elif kind == "map":
        _check_size(shape, len(value), value, path, "length")
        for key, each in value.items():
            check(shape.key, key, f"{path}.{key}")
            check(shape.value, each, f"{path}.{key}")
    elif kind == "string":
        _check_string(shape, value, path)
    elif kind in ("integer", "long", "double", "float"):
        _check_size(shape, value, value, path, "value")


def _check_structure(shape: Any, value: dict[str, Any], path: str) -> None:
    for name in shape.required_members:
        if value.get(name) is None:
            raise _refused(_below(path, name), None, "Member must not be null")
    for name, each in value.items():
        if name not in shape.members:
            raise AwsError(INVALID, f"Unknown member '{_below(path, name)}'; there are {', '.join(shape.members)}")
        if each is None:
            raise _refused(_below(path, name), None, "Member must not be null")
        check(shape.members[name], each, _below(path, name))
    if _VARIANT in (shape.documentation or "") and len(value) > 1:
        names = ", ".join(sorted(value))
        raise AwsError(INVALID, f"'{path}' is a variant, for which {_VARIANT}; found {names}")


def _check_string(shape: Any, value: str, path: str) -> None:
    _check_size(shape, len(value), value, path, "length")
    if shape.enum and value not in shape.enum:
        raise _refused(path, value, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _matches(pattern, value):
        raise _refused(path, value, f"Member must satisfy regular expression pattern: {pattern}")


def _check_size(shape: Any, size: float, value: Any, path: str, what: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        raise _refused(path, value, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        raise _refused(path, value, f"Member must have {what} less than or equal to {most}")


def _matches(pattern: str, value: str) -> bool:
    """Whether the whole value has the pattern, which is Java's: there ``\\w`` and ``\\d`` are ASCII's.

    Raises InvalidParameterValueException for a pattern that Python cannot read. Of what is offered here only the
    messages of visuals have one, with Unicode's properties.
    """
    try:
        return re.fullmatch(pattern.replace(r"\z", r"\Z"), value, re.DOTALL | re.ASCII) is not None
    except re.error as error:
        raise AwsError(INVALID, f"The local AWS cannot read the pattern {pattern!r}: {error}") from error


def _refused(path: str, value: object, constraint: str) -> AwsError:
    text = str(value)
    return constraint_error(INVALID, path, text if len(text) <= 200 else text[:200] + "...", constraint)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
