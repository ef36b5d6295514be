"""Holds requests against their service's definition in botocore: members, types, enums, patterns, lengths and ranges.

AWS ignores members that it does not know in JSON; here they are refused, because boto3 and CloudFormation refuse them
before AWS sees them.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from localaws.protocol import AwsError, constraint_error

# How the API Reference says that a structure takes one member alone, of the type PhysicalTable for example.
_VARIANT = "only one of the attributes can be non-null"
# How Java's patterns have the characters that it has in two.
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
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


@functools.cache
def service_model(service: str) -> Any:
    """botocore's model of a service."""
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


@dataclass(frozen=True)
class Definition:
    """A service's definition; ``code`` is its error for what does not fit.

    ``first_lower``: whether its errors name a member QueryString as queryString, as Athena's do.
    """

    service: str
    code: str
    first_lower: bool = False

    def check_request(self, operation: str, request: dict[str, Any]) -> None:
        """Raise the error for the first member that an operation's definition does not allow."""
        self.check(service_model(self.service).operation_model(operation).input_shape, request, "")

    def check_shape(self, name: str, value: Any, path: str) -> None:
        """The same for a value of a shape of the model; ``path`` is where it stands."""
        self.check(service_model(self.service).shape_for(name), value, path)

    def check(self, shape: Any, given: Any, path: str) -> None:
        """The same for a value of a shape."""
        kind, value = shape.type_name, given
        if type(given) not in _KINDS[kind]:
            raise self._refused(path, given, f"Member must be of type {kind}")
        if kind == "structure":
            self._check_structure(shape, value, path)
        elif kind == "list":
            self._check_size(shape, len(value), value, path, "length")
            for number, each in enumerate(value):
                self.check(shape.member, each, f"{path}[{number}]")
        elif kind == "map":
            self._check_size(shape, len(value), value, path, "length")
            for key, each in value.items():
                self.check(shape.key, key, f"{path}.{key}")
                self.check(shape.value, each, f"{path}.{key}")
        elif kind == "string":
            self._check_string(shape, value, path)
        elif kind in ("integer", "long", "double", "float"):
            self._check_size(shape, value, value, path, "value")

    def _check_structure(self, shape: Any, value: dict[str, Any], path: str) -> None:
        for name in shape.required_members:
            if value.get(name) is None:
                raise self._refused(self._below(path, name), None, "Member must not be null")
        for name, each in value.items():
            if name not in shape.members:
                raise AwsError(
                    self.code, f"Unknown member '{self._below(path, name)}'; there are {', '.join(shape.members)}"
                )
            if each is None:
                raise self._refused(self._below(path, name), None, "Member must not be null")
            self.check(shape.members[name], each, self._below(path, name))
        if _VARIANT in (shape.documentation or "") and len(value) > 1:
            names = ", ".join(sorted(value))
            raise AwsError(self.code, f"'{path}' is a variant, for which {_VARIANT}; found {names}")

    def _check_string(self, shape: Any, value: str, path: str) -> None:
        self._check_size(shape, len(value), value, path, "length")
        if shape.enum and value not in shape.enum:
            raise self._refused(path, value, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern is not None and not self._matches(pattern, value):
            raise self._refused(path, value, f"Member must satisfy regular expression pattern: {pattern}")

    def _check_size(self, shape: Any, size: float, value: Any, path: str, what: str) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            raise self._refused(path, value, f"Member must have {what} greater than or equal to {least}")
        if most is not None and size > most:
            raise self._refused(path, value, f"Member must have {what} less than or equal to {most}")

    def _matches(self, pattern: str, value: str) -> bool:
        """Whether the whole value has the pattern, which is Java's: there ``\\w`` and ``\\d`` are ASCII's.

        Raises the service's error for a pattern that Python cannot read. Of what is offered here only the messages of
        visuals have one, with Unicode's properties.
        """
        readable = pattern.replace(r"\z", r"\Z").replace(_SURROGATES, r"\U00010000-\U0010FFFF")
        try:
            return re.fullmatch(readable, value, re.DOTALL | re.ASCII) is not None
        except re.error as error:
            raise AwsError(self.code, f"The local AWS cannot read the pattern {pattern!r}: {error}") from error

    def _refused(self, path: str, value: object, constraint: str) -> AwsError:
        text = str(value)
        return constraint_error(self.code, path, text if len(text) <= 200 else text[:200] + "...", constraint)

    def _below(self, path: str, name: str) -> str:
        shown = name[0].lower() + name[1:] if self.first_lower else name
        return f"{path}.{shown}" if path else shown
