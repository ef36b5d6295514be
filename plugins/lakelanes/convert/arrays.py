"""numpy's arrays as Arrow's, without pa.array(), which imports numpy.ma first (14 ms) to look for masked ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def of_numbers(values: npt.NDArray[Any]) -> Any:
    """The numbers as an Arrow array of their type."""
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, [None, buffer])


def of_truths(values: npt.NDArray[np.bool_]) -> Any:
    """The truths as an Arrow array."""
    return pa.Array.from_buffers(pa.bool_(), values.size, [None, pa.py_buffer(np.packbits(values, bitorder="little"))])
