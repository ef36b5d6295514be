"""Plain decimal numbers from text, eight characters at a time.

A row's last eight characters are loaded as one 64-bit word, and all rows of a column at once are checked and turned
into numbers with arithmetic on words (as in D. Lemire's "Quickly parsing eight digits"). pyarrow takes twice as long.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WORD = 8
_ROWS = 4096  # few enough for the arrays of a step to stay in the processor's cache
_U = np.uint64
_ZEROS = _U(0x3030303030303030)
_POINT = ord(".") ^ ord("0")
_TO_HIGH_BIT = _U(0x7676767676767676)
_HIGH_BITS = _U(0x8080808080808080)

Words = npt.NDArray[np.uint64]


def _last_characters(count: int) -> int:
    """A mask of a word's last `count` characters, which are its high bytes."""
    return int((2**64 - 1) ^ (2 ** (8 * (WORD - count)) - 1))


# By the length of a row: the bits of its last word, and of the word before that, which belong to it.
_OF_LAST = np.array([_last_characters(min(length, WORD)) for length in range(2 * WORD + 1)], _U)
_OF_FIRST = np.array([_last_characters(max(length - WORD, 0)) for length in range(2 * WORD + 1)], _U)


def plain_fixed_point(
    octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], scale: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The value times 10**scale of every row that reads d..d.d..d with exactly `scale` decimals.

    There is no point when scale is 0; a minus may precede the number. octets: the characters of all rows, row i at
    starts[i] with lengths[i]. scale: 0 to 6. Returns the values, 0 for rows of another form, and which rows are of this
    form; rows of more than 16 characters are not.
    """
    count = starts.size
    values = np.zeros(count, np.int64)
    sure = np.zeros(count, bool)
    padded = np.empty(octets.size + 2 * WORD, np.uint8)
    padded[: 2 * WORD] = ord("0")
    padded[2 * WORD :] = octets
    # words[p] holds the eight characters that end before octets[p - WORD].
    words = np.ndarray((octets.size + WORD + 1,), "<u8", padded, strides=(1,))
    signed = bool((octets == ord("-")).any())
    for first in range(0, count, _ROWS):
        rows = slice(first, first + _ROWS)
        length = lengths[rows]
        ends = starts[rows] + length
        negative = None
        if signed:
            negative = (padded[starts[rows] + 2 * WORD - (length == 0)] == ord("-")) & (length > 0)
            length = length - negative
        fine = (length > 0) & (length <= 2 * WORD)
        if not fine.all():
            length = np.where(fine, length, 0)
        number = words[ends + WORD]
        # A digit's character becomes the digit, and what is not a digit something above 9.
        number ^= _ZEROS
        number &= _OF_LAST[length]
        if scale:
            _drop_point(number, scale, fine)
        strange = _strange(number)
        _spell(number)
        if bool((length > WORD).any()):
            high = words[ends]
            high ^= _ZEROS
            high &= _OF_FIRST[length]
            strange |= _strange(high)
            _spell(high)
            high *= _U(10 ** (WORD - (scale > 0)))
            number += high
        fine &= strange == 0
        result = number.view(np.int64)
        if negative is not None:
            np.negative(result, out=result, where=negative)
        result *= fine
        values[rows] = result
        sure[rows] = fine
    return values, sure


def _drop_point(number: Words, scale: int, fine: npt.NDArray[np.bool_]) -> None:
    """Moves what precedes the point one place nearer; clears `fine` where the point is not in its place."""
    shift = 8 * (WORD - 1 - scale)
    fine &= number & _U(0xFF << shift) == _U(_POINT << shift)
    whole = number & _U(2**shift - 1)
    whole <<= _U(8)
    number &= _U(_last_characters(scale))
    number |= whole


def _strange(number: Words) -> Words:
    """Not 0 where a byte is above 9."""
    strange = number + _TO_HIGH_BIT
    strange |= number
    strange &= _HIGH_BITS
    return strange


def _spell(number: Words) -> None:
    """Eight digits, the first in the lowest byte, become the number they spell."""
    for factor, bits, mask in ((10, 8, 0x00FF00FF00FF00FF), (100, 16, 0x0000FFFF0000FFFF), (10000, 32, 0xFFFFFFFF)):
        next_ones = number >> _U(bits)
        number *= _U(factor)
        number += next_ones
        number &= _U(mask)
