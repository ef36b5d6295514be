"""What ministack's Lambda lacks for an event source mapping that CloudFormation made."""

from __future__ import annotations

from typing import Any


def install(service: Any) -> None:
    """Make ministack's poller accept numbers as text, as CloudFormation passes a !Ref to a parameter; AWS does."""
    concurrency = service._sqs_esm_concurrency

    def with_numbers(mapping: dict[str, Any], *arguments: Any) -> int:
        scaling = mapping.get("ScalingConfig") or {}
        numbers = {name: int(value) for name, value in scaling.items()}
        limit: int = concurrency({**mapping, "ScalingConfig": numbers}, *arguments)
        return limit

    service._sqs_esm_concurrency = with_numbers
