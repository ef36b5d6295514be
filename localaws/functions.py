"""What ministack's Lambda lacks: AWS's and this machine's limits, instances of their own, numbers given as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localaws import function_instances, function_limits
from localaws.function_instances import Unpacked


def install(service: Any, runtime: Any, state: Path, layers: Path | None = None) -> None:
    """Put them into ministack's modules of Lambda and of its instances.

    ``state``: the folder for what functions are unpacked to; ``layers``: another one for large layers, which several
    local AWSs may share, since unpacking one takes seconds.
    """
    _take_numbers_as_text(service)
    function_limits.install(service)
    bundles = Unpacked(state / "functions")
    function_instances.install(service, runtime, bundles, Unpacked(layers) if layers else bundles)


def _take_numbers_as_text(service: Any) -> None:
    """Make ministack's poller accept numbers as text, as CloudFormation passes a !Ref to a parameter; AWS does."""
    concurrency = service._sqs_esm_concurrency

    def with_numbers(mapping: dict[str, Any], *arguments: Any) -> int:
        scaling = mapping.get("ScalingConfig") or {}
        numbers = {name: int(value) for name, value in scaling.items()}
        limit: int = concurrency({**mapping, "ScalingConfig": numbers}, *arguments)
        return limit

    service._sqs_esm_concurrency = with_numbers
