"""Null values that the parsers do not find: inside quotes, and with blanks around them.

A parser makes nulls of the fields that are a null value as they stand in the file, without quotes. What more is null:

- with the dialect's `quoted_nulls`, a field in quotes that is a null value;
- with its `trim`, a field that is one without the blanks around it; one in quotes only with `quoted_nulls` as well.

Of columns that hold no text, that matters only for null values that are values of the type too, like 9999-12-31: a text
that is no value and is a null value once trimmed is null in any case (see lakelanes.convert.values).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute

from lakelanes.convert.cast import Array, Judge, trimmed

pc: Any = pyarrow.compute


def with_more_nulls(
    texts: Array, judge: Judge, null_values: tuple[str, ...], quoted: Callable[[Array], Array]
) -> Array:
    """A binary column with null for these as well.

    null_values: the judge's, as they are in `texts`. quoted: which texts are in quotes, among those where its argument,
    a boolean array, is true; asked for only if it matters.
    """
    bare = trimmed(texts) if judge.dialect.trim else texts
    null = pc.is_in(bare, value_set=pa.array([text.encode() for text in null_values], pa.binary()))
    null = pc.and_(null, texts.is_valid())
    if not judge.dialect.quoted_nulls and pc.any(null).as_py():
        null = pc.and_not(null, quoted(null))
    if not pc.any(null).as_py():
        return texts
    return pc.if_else(null, pa.scalar(None, pa.binary()), texts)
