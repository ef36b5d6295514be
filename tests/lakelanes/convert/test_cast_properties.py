"""The vectorised casts and the one definition of values agree over generated columns."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.convert import Dialect
from lakelanes.convert.cast import Judge, cast_column
from lakelanes.convert.values import ValueRefused, parse_value
from lakelanes.types import parse_type
from tests.lakelanes.convert.generated import FORMS, KINDS, TYPES, texts
from tests.support.properties import examples


@st.composite
def column_texts(draw: st.DrawFn) -> list[bytes | None]:
    """A column: often all alike, as columns are, sometimes long enough for the kernels to work in pieces."""
    one_kind = draw(st.sampled_from(KINDS))
    values = draw(st.lists(one_kind | texts if draw(st.booleans()) else one_kind, max_size=30))
    column: list[bytes | None] = [value.encode(errors="surrogatepass") for value in values]
    if draw(st.booleans()):
        column.append(draw(st.none() | st.binary(max_size=6)))
    return column * draw(st.sampled_from([1, 1, 1, 5, 300]))


@pytest.mark.parametrize("hive_type", [*TYPES, "float"])
@examples(35)
@given(texts=column_texts(), forms=st.sampled_from([{}, {}, {}, *FORMS, {"timestamp_format": "%Y%m%d%H%M%S%f"}]))
def test_the_kernels_agree_with_the_definition(
    hive_type: str, texts: list[bytes | None], forms: dict[str, Any]
) -> None:
    column_type, nulls = parse_type(hive_type), frozenset(["", "NULL"])
    dialect = Dialect(null_values=("", "NULL"), **forms)
    cast = cast_column(pa.array(texts, pa.binary()), Judge(column_type, dialect))
    bad = dict(zip(cast.bad.tolist(), cast.reasons, strict=True))
    cast.values.validate(full=True)
    assert cast.values.type == column_type.arrow
    for row, (text, value) in enumerate(zip(texts, cast.values.to_pylist(), strict=True)):
        try:
            expected = None if text is None else parse_value(text, column_type, nulls, dialect)
        except ValueRefused as refusal:
            assert bad[row] == str(refusal)
            continue
        assert row not in bad
        assert value == expected or (math.isnan(value) and math.isnan(expected))
