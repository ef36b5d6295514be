"""Frames of zstandard, followed over their bytes in any pieces."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakelanes.convert.zstandard_frames import ZstandardFrames

TEXT = b"".join(b"row %d,%d\n" % (number, number * number) for number in range(50_000))


def frame(data: bytes) -> bytes:
    """A frame without its size, as of a stream: it needs its level's whole window."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def header(descriptor: int, *rest: int) -> bytes:
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor, *rest])


def followed(frames: ZstandardFrames, data: bytes, piece: int) -> int:
    """How many bytes may be read, given in pieces; what is held back comes again with more."""
    at = end = 0
    while end < len(data):
        end = min(end + piece, len(data))
        used = frames.follow(data[at:end])
        at += used
        if frames.window is not None:
            break
    return at


@pytest.mark.parametrize("piece", [1, 2, 5, 1000, 1 << 20])
def test_frames_of_any_number_are_read_whole(piece: int) -> None:
    whole, skippable = pa.compress(TEXT, "zstd", asbytes=True), b"\x52\x2a\x4d\x18\x03\0\0\0abc"
    data = frame(TEXT) + skippable + whole + frame(b"") + frame(b"\0" * 300_000)
    frames = ZstandardFrames(8 << 20)
    assert followed(frames, data, piece) == len(data)
    assert frames.window is None


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_reading_halts_before_a_frame_that_asks_for_too_much(piece: int) -> None:
    first = frame(TEXT)
    frames = ZstandardFrames(1 << 10)
    data = pa.compress(b"x", "zstd", asbytes=True) + first
    assert followed(frames, data, piece) == len(data) - len(first)
    assert frames.window is not None and frames.window > 1 << 10
    assert frames.follow(first) == 0, "and stays there"


@pytest.mark.parametrize(
    ("head", "window"),
    [
        (header(0, 17 << 3), 128 << 20),  # https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.1.2
        (header(0, 16 << 3 | 1), (64 << 20) + (8 << 20)),
        (header(0x23, 1, 2, 3, 4, 9), 9),  # a dictionary's number of four bytes, then a size of one
        (header(0x60, 1, 0), 257),  # a size of two bytes counts from 256
        (header(0xA0, 0, 0, 0, 16), 256 << 20),
        (header(0xC0, 17 << 3, 5, 0, 0, 0, 0, 0, 0, 0), 5),  # a small file packed with a large window
    ],
)
def test_a_frame_asks_for_its_window_or_for_its_size_if_that_is_less(head: bytes, window: int) -> None:
    frames = ZstandardFrames(window - 1)
    assert (frames.follow(head), frames.window) == (0, window)
    assert ZstandardFrames(window).follow(head) == len(head)


def test_what_is_no_frame_is_passed_on() -> None:
    frames = ZstandardFrames(1)
    assert frames.follow(b"not a frame at all") == 18
    assert ZstandardFrames(1 << 30).follow(header(0, 0) + b"\x07\0\0" + b"rest") == 13
