"""The clock that ministack's module is given."""

from __future__ import annotations

import threading

import pytest

from localaws.clock import ServiceClock
from localaws.dynamodb import service


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_ministacks_own_sweep_ends_when_it_looks_at_the_clock() -> None:
    ticked = []
    clock = service._ModuleTime(ServiceClock())

    def reap() -> None:
        while True:
            ticked.append(clock.time())

    thread = threading.Thread(target=reap, name=service._REAPER, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert ticked == []
