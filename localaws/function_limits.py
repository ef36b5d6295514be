"""Which functions and layers Lambda refuses when they are made or changed; ministack takes nearly all.

Code that is not there and packages of more than 250 MB are AWS's own refusals. What this machine cannot run is refused
too. AWS has both processors, so it runs either, and it takes a layer for one of them on a function of the other, which
then fails at its first import: here that is refused at once.
"""

from __future__ import annotations

import base64
import io
import platform
import re
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Reply = Any
INVALID = "InvalidParameterValueException"
# Of a function that names none: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
DEFAULT_ARCHITECTURES = ("x86_64",)
_NO_SUCH_KEY = (
    "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
)
_COMPILED_FOR = re.compile(r"\.cpython-3(\d+)-")


def this_architecture() -> str:
    """This machine's processor in Lambda's words."""
    machine = platform.machine()
    return {"aarch64": "arm64", "AMD64": "x86_64"}.get(machine, machine)


def install(service: Any) -> None:
    """Put the refusals in front of what Lambda's API does."""
    create, change_code, change_settings = service._create_function, service._update_code, service._update_config

    def creating(data: dict[str, Any], *rest: Any) -> Reply:
        return _refused(service, function_fault(service, data)) or create(data, *rest)

    def changing_code(name: str, data: dict[str, Any], *rest: Any) -> Reply:
        config = (service._functions.get(name) or {}).get("config") or {}
        wanted = {**config, **{key: data[key] for key in ("Architectures",) if key in data}}
        return _refused(service, machine_fault(service, wanted)) or change_code(name, data, *rest)

    def changing_settings(name: str, data: dict[str, Any], *rest: Any) -> Reply:
        config = (service._functions.get(name) or {}).get("config") or {}
        wanted = {**config, **{key: data[key] for key in ("Architectures", "Layers") if key in data}}
        return _refused(service, machine_fault(service, wanted)) or change_settings(name, data, *rest)

    service._create_function = creating
    service._update_code = changing_code
    service._update_config = changing_settings
    publish = service._publish_layer_version

    def publishing(name: str, data: dict[str, Any], *rest: Any) -> Reply:
        return _refused(service, content_fault(service, data.get("Content"))) or publish(name, data, *rest)

    service._publish_layer_version = publishing


def function_fault(service: Any, function: Mapping[str, Any]) -> str | None:
    """Why a function with these settings, in the words of CreateFunction, cannot be made; None when it can."""
    code = function.get("Code")
    return machine_fault(service, function) or content_fault(service, code) or _size_fault(service, function)


def content_fault(service: Any, content: Mapping[str, Any] | None) -> str | None:
    """Why the archive that Code or Content names cannot be had, or is none, or is too large; None when it is fine."""
    archive = _archive(service, content)
    if archive is None:
        return _NO_SUCH_KEY if content and content.get("S3Bucket") else None
    if not zipfile.is_zipfile(io.BytesIO(archive)):
        return "Could not unzip uploaded file. Please check your file, then try to upload again."
    return _over(service, service._unzipped_size(archive))


def machine_fault(service: Any, function: Mapping[str, Any]) -> str | None:
    """Why this machine cannot run a function with these Architectures and Layers; None when it can."""
    architectures = list(function.get("Architectures") or DEFAULT_ARCHITECTURES)
    if architectures != [this_architecture()]:
        return (
            f"The local AWS runs functions on this machine's processor, {this_architecture()}, and Architectures is "
            f"{architectures}: deploy with --parameter Architecture={this_architecture()}"
        )
    return next(filter(None, (_layer_fault(service, layer) for layer in function.get("Layers") or ())), None)


def _layer_fault(service: Any, layer: str | Mapping[str, Any]) -> str | None:
    arn = layer if isinstance(layer, str) else str(layer.get("Arn", ""))
    version, error = service._resolve_layer_version_for_attachment(arn)
    if error:
        # In ministack's words, and AWS's, when the layer is attached.
        return None
    compatible = version.get("CompatibleArchitectures") or [this_architecture()]
    if this_architecture() not in compatible:
        return f"Layer version {arn} is for {compatible}, and the function for ['{this_architecture()}']"
    archive = version.get("_zip_data")
    if archive is None:
        return f"Layer version {arn} is not in the local AWS, so a function with it would not run"
    with zipfile.ZipFile(io.BytesIO(archive)) as inside:
        pythons = {int(found[1]) for name in inside.namelist() if (found := _COMPILED_FOR.search(name))}
    if pythons and sys.version_info.minor not in pythons:
        return (
            f"Layer version {arn} is compiled for Python 3.{max(pythons)}, and the local AWS runs functions on its own "
            f"Python, 3.{sys.version_info.minor}: set up with the other one (make setup PYTHON=...)"
        )
    return None


def _size_fault(service: Any, function: Mapping[str, Any]) -> str | None:
    """AWS counts code and layers together: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    layers: Sequence[Any] = function.get("Layers") or ()
    size: Callable[[Any], int] = service._layer_unzipped_size
    archive = _archive(service, function.get("Code"))
    return _over(service, service._unzipped_size(archive) + sum(map(size, layers)))


def _over(service: Any, size: int) -> str | None:
    limit = service._UNZIPPED_LIMIT_BYTES
    return f"Unzipped size must be smaller than {limit} bytes" if size > limit else None


def _archive(service: Any, content: Mapping[str, Any] | None) -> bytes | None:
    """The bytes that Code or Content gives or names; None when there are none, and for source text in a template."""
    if not content:
        return None
    if content.get("ZipFile"):
        try:
            return base64.b64decode(content["ZipFile"], validate=True)
        except ValueError:
            return None
    if content.get("S3Bucket") and content.get("S3Key"):
        found: bytes | None = service._fetch_code_from_s3(
            content["S3Bucket"], content["S3Key"], version_id=content.get("S3ObjectVersion")
        )
        return found
    return None


def _refused(service: Any, fault: str | None) -> Reply:
    return service.error_response_json(INVALID, fault, 400) if fault else None
