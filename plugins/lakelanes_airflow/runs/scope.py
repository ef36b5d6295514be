"""What a run that loads files answers for, which its planning task passes to those that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scope:
    """What a run answers for, beside the files that it planned to load.

    entity: its name; None for the sweep, which is about all of them. keyed: a partition or single files were asked for,
    so all of them have to be in the lake when the run ends. partitions: paths of the partitions that have files. files:
    of a keyed run every file that was asked for, by URI the path of its partition. loaded_fast: of a sweep the files
    that the low-latency lane loaded or refused, by entity, then by URI the path of the partition; until: up to when
    (ISO 8601, UTC), '' for other runs.
    """

    entity: str | None = None
    keyed: bool = False
    partitions: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    loaded_fast: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    until: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, for an XCom."""
        return {**asdict(self), "partitions": list(self.partitions)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scope:
        """What ``to_dict`` made. TypeError for a name that is unknown."""
        return cls(**{**data, "partitions": tuple(data["partitions"])})
