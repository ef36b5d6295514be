"""Pauses grow with the tries, and have an end."""

from __future__ import annotations

import pytest

from lakelanes.aws import pauses


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.05), (3, 0.4), (6, 3.2), (50, 3.2)])
def test_pauses_grow_and_have_an_end(monkeypatch: pytest.MonkeyPatch, attempt: int, longest: float) -> None:
    slept: list[float] = []
    monkeypatch.setattr(pauses.time, "sleep", slept.append)
    for _ in range(50):
        pauses.pause(attempt)
    assert len(slept) == 50
    assert longest / 2 < max(slept) <= longest
    assert min(slept) >= 0
