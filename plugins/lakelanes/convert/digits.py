"""Plain decimal numbers and dates from text, eight characters at a time.

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
    padded, words = _words(octets)
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


def plain_dates(
    octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """The days since 1970-01-01 of every row that reads YYYY-MM-DD and is a day of the years 0001 to 9999.

    Returns the days, 0 for other rows, and which rows are such days.
    """
    count = starts.size
    days = np.zeros(count, np.int32)
    sure = np.zeros(count, bool)
    _, words = _words(octets)
    for first in range(0, count, _ROWS):
        rows = slice(first, first + _ROWS)
        fine = lengths[rows] == _DATE_LENGTH
        ends = starts[rows] + np.where(fine, lengths[rows], 0)
        number = words[ends + WORD]
        number ^= _ZEROS
        # YY-MM-DD; the two characters before it are the last ones of the word that ends where it begins.
        fine &= number & _DASHES == _DASHES_THERE
        number &= ~_DASHES
        century = words[ends] >> _U(48)
        century ^= _ZEROS >> _U(48)
        fine &= (_strange(number) | _strange(century)) == 0
        pairs = number * _U(10)
        pairs += number >> _U(8)
        year = (((century & _U(0xFF)) * _U(10) + (century >> _U(8))) * _U(100) + (pairs & _U(0xFF))).view(np.int64)
        month = ((pairs >> _U(24)) & _U(0xFF)).view(np.int64)
        day = ((pairs >> _U(48)) & _U(0xFF)).astype(np.int32)
        fine &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
        year *= fine
        month *= fine
        month += _LEAP[year]
        fine &= day <= _MONTH_LENGTHS[month]
        day += _YEAR_STARTS[year]
        day += _MONTH_STARTS[month]
        day *= fine
        days[rows] = day
        sure[rows] = fine
    return days, sure


def _calendar() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Tables of the Gregorian calendar, by year and by month.

    By year: the days from 1970-01-01 to its start, less one; and 13 in leap years, 0 in others, which added to a month
    gives its place in the tables by month: days before it in its year, and days in it.
    """
    years = np.arange(10_000)
    leap = ((years % 4 == 0) & (years % 100 != 0)) | (years % 400 == 0)
    before = years - 1
    starts = before * 365 + before // 4 - before // 100 + before // 400 - _EPOCH
    lengths = np.array([[0, 31, 28 + more, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] for more in (0, 1)])
    return (
        starts.astype(np.int32),
        np.where(leap, 13, 0).astype(np.int64),
        (np.cumsum(lengths, axis=1) - lengths).astype(np.int32).ravel(),
        lengths.astype(np.int32).ravel(),
    )


_DATE_LENGTH = 10
_DASHES = _U(0xFF0000FF0000)
_DASHES_THERE = _U((ord("-") ^ ord("0")) * 0x010000010000)
_EPOCH = 719163  # the ordinal of 1970-01-01
_YEAR_STARTS, _LEAP, _MONTH_STARTS, _MONTH_LENGTHS = _calendar()


def _words(octets: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], Words]:
    """The characters after sixteen zeros, and words over them: words[p] ends before octets[p - WORD]."""
    padded = np.empty(octets.size + 2 * WORD, np.uint8)
    padded[: 2 * WORD] = ord("0")
    padded[2 * WORD :] = octets
    return padded, np.ndarray((octets.size + WORD + 1,), "<u8", padded, strides=(1,))


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
