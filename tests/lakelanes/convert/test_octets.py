"""An octet is counted alike by the compiled library and without it, whatever the length."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lakelanes.convert.octets import count_by_numpy, count_octet


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 255 * 64, 255 * 64 + 1, 256 * 64 + 63, 200_001])
@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_the_octets_of_the_length_are_counted_and_none_after_it(length: int, share: float) -> None:
    drawn = random.Random(length)
    data = bytearray(0xFF if drawn.random() < share else drawn.randrange(0xFF) for _ in range(length)) + b"\xff" * 100
    expected = data[:length].count(0xFF)
    assert count_octet(data, length, 0xFF) == expected
    assert count_by_numpy(np.frombuffer(data, np.uint8, length), 0xFF) == expected
