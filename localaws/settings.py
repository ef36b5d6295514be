"""What can be set from the environment, all of it optional; docs/what-runs-where.md lists it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingError(ValueError):
    """A variable has a value that makes no sense; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Times are in real seconds. ``clock_offset`` is how far the clock of DynamoDB and QuickSight is ahead of the
    machine's. ``layers`` is the folder that large layers of functions are unpacked to; None: one in the state folder.
    ``iam_records`` is the one that what IAM evaluated is written to. ``keep`` is the file that all is kept in from an
    orderly stop to the next start; None: nothing is."""

    clock_offset: float = 0.0
    export_seconds: float = 0.5
    export_files: int = 4
    ingestion_seconds: float = 0.1
    ttl_seconds: float = 60.0
    stream_retry_seconds: float = 0.1
    layers: Path | None = None
    iam_records: Path | None = None
    keep: Path | None = None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read them; raises SettingError."""
        given = os.environ if environment is None else environment
        offset = _number(given, "LOCALAWS_CLOCK_OFFSET", cls.clock_offset, minimum=None)
        return cls(
            clock_offset=offset,
            export_seconds=_number(given, "LOCALAWS_EXPORT_SECONDS", cls.export_seconds),
            export_files=round(_number(given, "LOCALAWS_EXPORT_FILES", cls.export_files, minimum=1)),
            ingestion_seconds=_number(given, "LOCALAWS_INGESTION_SECONDS", cls.ingestion_seconds),
            ttl_seconds=_number(given, "LOCALAWS_TTL_SECONDS", cls.ttl_seconds),
            stream_retry_seconds=_number(given, "LOCALAWS_STREAM_RETRY_SECONDS", cls.stream_retry_seconds),
            layers=Path(given["LOCALAWS_LAYERS"]).resolve() if given.get("LOCALAWS_LAYERS") else None,
            iam_records=Path(given["LOCALAWS_IAM_RECORDS"]) if given.get("LOCALAWS_IAM_RECORDS") else None,
            keep=Path(given["LOCALAWS_KEEP"]).resolve() if given.get("LOCALAWS_KEEP") else None,
        )


def _number(environment: Mapping[str, str], name: str, default: float, minimum: float | None = 0.0) -> float:
    text = environment.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf") or (minimum is not None and value < minimum):
        least = "" if minimum is None else f" from {minimum:g}"
        raise SettingError(f"{name} is {text!r}, expected a number{least}")
    return value
