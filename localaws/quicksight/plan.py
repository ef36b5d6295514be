"""What tests and the demo plan for ingestions: that they wait, fail, drop rows, or are refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localaws.control import ControlError, Request, members
from localaws.protocol import AwsError

# A request for another data set leaves a plan that names one alone; None is any.
_ANY = None


@dataclass(frozen=True)
class Wanted:
    """What is planned for one ingestion: the type and message of its error, and how many rows it drops."""

    failure: tuple[str, str] | None = None
    dropped: int = 0


@dataclass
class _Planned:
    count: int
    data_set: str | None
    value: Any


class Plan:
    """The settings of the control ``quicksight/ingestions``. Thread-safe."""

    def __init__(self, delay: float, error_kinds: Callable[[], list[str]]) -> None:
        self._default = delay
        self._error_kinds = error_kinds
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Back to the settings of the start."""
        self.delay = self._default
        self._hold: bool | str = False
        self._failures: list[_Planned] = []
        self._drops: list[_Planned] = []
        self._refusals: list[_Planned] = []

    def take(self, data_set: str) -> Wanted:
        """What is planned for the ingestion of a data set that begins; it counts as used."""
        with self._lock:
            failure, dropped = _taken(self._failures, data_set), _taken(self._drops, data_set)
        return Wanted(failure, dropped or 0)

    def refusal(self, data_set: str) -> tuple[AwsError, bool] | None:
        """The error for a call of CreateIngestion, and whether it comes only after the ingestion has begun."""
        with self._lock:
            found: tuple[AwsError, bool] | None = _taken(self._refusals, data_set)
        return found

    def held(self, data_set: str) -> bool:
        """Whether the ingestions of a data set stay RUNNING."""
        return self._hold is True or self._hold == data_set

    def control(self, request: Request) -> Request:
        """Sets what is given; returns the settings."""
        members(request, delay=(int, float), hold=(bool, str), fail=dict, drop=dict, refuse=dict)
        failure = members(request.get("fail", {}), count=int, data_set=str, type=str, message=str)
        drop = members(request.get("drop", {}), count=int, data_set=str, rows=int)
        refusal = members(
            request.get("refuse", {}), count=int, data_set=str, code=str, message=str, status=int, after_accepting=bool
        )
        if request.get("delay", 0) < 0 or drop.get("rows", 1) < 1:
            raise ControlError("delay is in seconds from 0, rows a number from 1")
        kind = failure.get("type", "INTERNAL_SERVICE_ERROR")
        if kind not in self._error_kinds():
            raise ControlError(f"fail.type is {kind!r}, expected one of {', '.join(self._error_kinds())}")
        with self._lock:
            self.delay = request.get("delay", self.delay)
            self._hold = request.get("hold", self._hold)
            if "fail" in request:
                self._failures.append(
                    _planned(failure, (kind, failure.get("message", "The ingestion failed on request")))
                )
            if "drop" in request:
                self._drops.append(_planned(drop, drop.get("rows", 1)))
            if "refuse" in request:
                error = AwsError(
                    refusal.get("code", "InternalFailureException"),
                    refusal.get("message", "Refused on request"),
                    status=refusal.get("status", 400),
                )
                self._refusals.append(_planned(refusal, (error, refusal.get("after_accepting", False))))
            return {
                "delay": self.delay,
                "hold": self._hold,
                "failures": sum(each.count for each in self._failures),
                "drops": sum(each.count for each in self._drops),
                "refusals": sum(each.count for each in self._refusals),
            }


def _planned(given: Request, value: Any) -> _Planned:
    return _Planned(given.get("count", 1), given.get("data_set", _ANY), value)


def _taken(planned: list[_Planned], data_set: str) -> Any:
    for each in planned:
        if each.data_set in (_ANY, data_set):
            each.count -= 1
            if each.count <= 0:
                planned.remove(each)
            return each.value
    return None
