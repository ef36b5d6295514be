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
from tests.lakelanes.convert.generated import FORMS, KINDS, TYPES, own_settings, texts, texts_of
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


@st.composite
def columns_of_forms(draw: st.DrawFn, hive_type: str) -> tuple[list[bytes | None], dict[str, Any]]:
    """A column whose values have forms of their own, mostly, and these forms."""
    forms = draw(st.sampled_from([settings for settings in own_settings(hive_type) if "required" not in settings]))
    values = draw(st.lists(texts_of(hive_type, forms), max_size=20))
    column: list[bytes | None] = [value.encode(errors="surrogatepass") for value in values]
    return [*column, *draw(st.sampled_from([[], [None]]))] * draw(st.sampled_from([1, 1, 5, 300])), forms


def agree(hive_type: str, texts: list[bytes | None], dialect: Dialect) -> None:
    column_type = parse_type(hive_type)
    nulls = dialect.nulls_of(column_type)
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


@pytest.mark.parametrize("hive_type", [*TYPES, "float"])
@examples(35)
@given(texts=column_texts(), forms=st.sampled_from([{}, {}, {}, *FORMS, {"timestamp_format": "%Y%m%d%H%M%S%f"}]))
def test_the_kernels_agree_with_the_definition(
    hive_type: str, texts: list[bytes | None], forms: dict[str, Any]
) -> None:
    agree(hive_type, texts, Dialect(null_values=("", "NULL"), **forms))


@pytest.mark.slow
@pytest.mark.parametrize("hive_type", [*TYPES, "float"])
@examples(35)
@given(data=st.data())
def test_the_kernels_agree_with_the_definition_about_forms_of_a_column(hive_type: str, data: st.DataObject) -> None:
    texts, forms = data.draw(columns_of_forms(hive_type))
    agree(hive_type, texts, Dialect(null_values=("", "NULL")).of_column(forms))
