"""The clock of DynamoDB and QuickSight. Tests and the demo can move it, and wait for no window of hours to pass."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

from localaws.control import members

MICROS = 1_000_000


class ClockError(ValueError):
    """The clock cannot be moved there; the message says why."""


class ServiceClock:
    """A clock in microseconds since 1970. It never goes back behind a time it has stamped.

    To the service, moving it forward is the same as time passing.
    """

    def __init__(self, offset_seconds: float = 0.0) -> None:
        self._lock = threading.Lock()
        self._anchor = time.time_ns() // 1000 + round(offset_seconds * MICROS)
        self._anchored_at = time.monotonic_ns() // 1000
        self._frozen = False
        self._stamped = 0

    def micros(self) -> int:
        """Now."""
        with self._lock:
            return self._now()

    def seconds(self) -> float:
        """Now, in seconds."""
        return self.micros() / MICROS

    def stamp(self) -> int:
        """The time of one write: now, and later than every stamp before."""
        with self._lock:
            self._stamped = max(self._now(), self._stamped + 1)
            return self._stamped

    def mark_millisecond(self) -> int:
        """A whole millisecond that is later than every stamp given and not later than any to come, in microseconds."""
        with self._lock:
            mark = -(-max(self._now(), self._stamped + 1) // 1000) * 1000
            self._stamped = max(self._stamped, mark - 1)
            return mark

    def move_to(self, micros: int) -> None:
        """Set the clock. Raises ClockError for a time before something that was already stamped."""
        with self._lock:
            if micros <= self._stamped:
                raise ClockError(
                    f"the clock cannot go to {isoformat(micros)}: something was written at {isoformat(self._stamped)}"
                )
            self._anchor = micros
            self._anchored_at = time.monotonic_ns() // 1000

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once. Raises ClockError when it is negative."""
        if seconds < 0:
            raise ClockError(f"the clock cannot be advanced by {seconds} seconds; move it to a time instead")
        with self._lock:
            self._anchor = self._now() + round(seconds * MICROS)
            self._anchored_at = time.monotonic_ns() // 1000

    def freeze(self, frozen: bool) -> None:
        """Stop the clock, or let it run on from the time it shows."""
        with self._lock:
            self._anchor = self._now()
            self._anchored_at = time.monotonic_ns() // 1000
            self._frozen = frozen

    @property
    def frozen(self) -> bool:
        """Whether time stands still."""
        return self._frozen

    def kept(self) -> dict[str, Any]:
        """How far it is ahead of the machine's, or where it stands still, and the last stamp."""
        with self._lock:
            now = self._now()
            ahead = now - time.time_ns() // 1000
            return {"ahead": ahead, "frozen_at": now if self._frozen else None, "stamped": self._stamped}

    def restore(self, kept: dict[str, Any]) -> None:
        """Go on as the clock that was kept, the time between included."""
        with self._lock:
            frozen_at = kept["frozen_at"]
            self._frozen = frozen_at is not None
            self._anchor = time.time_ns() // 1000 + kept["ahead"] if frozen_at is None else frozen_at
            self._anchored_at = time.monotonic_ns() // 1000
            self._stamped = kept["stamped"]

    def reset(self, offset_seconds: float = 0.0) -> None:
        """Back to the machine's time, with nothing stamped."""
        with self._lock:
            self._anchor = time.time_ns() // 1000 + round(offset_seconds * MICROS)
            self._anchored_at = time.monotonic_ns() // 1000
            self._frozen = False
            self._stamped = 0

    def _now(self) -> int:
        passed = 0 if self._frozen else time.monotonic_ns() // 1000 - self._anchored_at
        return max(self._anchor + passed, self._stamped)


def isoformat(micros: int, timespec: str = "microseconds") -> str:
    """A time in UTC as AWS writes it, such as 2020-11-04T07:28:34.028Z."""
    moment = datetime.fromtimestamp(micros // MICROS, UTC).replace(microsecond=micros % MICROS)
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def clock_control(clock: ServiceClock, request: dict[str, Any]) -> dict[str, Any]:
    """The control of the clock: moves it as asked, and returns the time it shows.

    ``now`` is a time with its zone, ``advance`` are seconds to let pass, ``frozen`` stops the clock or lets it run.
    """
    members(request, now=str, advance=(int, float), frozen=bool)
    if request.get("frozen"):
        # First, so that the clock stops at exactly the time asked for.
        clock.freeze(True)
    if "now" in request:
        moment = datetime.fromisoformat(request["now"])
        if moment.tzinfo is None:
            raise ClockError(f"{request['now']} has no time zone; write 2026-01-31T12:00:00Z")
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        clock.move_to((since.days * 86_400 + since.seconds) * MICROS + since.microseconds)
    if "advance" in request:
        clock.advance(request["advance"])
    if request.get("frozen") is False:
        clock.freeze(False)
    now = clock.micros()
    return {"now": isoformat(now), "offset": now / MICROS - time.time(), "frozen": clock.frozen}
