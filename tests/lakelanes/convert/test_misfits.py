"""Texts that fit no column of theirs: rescued as JSON or put into variant columns, in whole arrays."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from lakelanes.convert import SchemaPolicy
from lakelanes.convert.cast import Judge, cast_column
from lakelanes.convert.misfits import Misfits, unwanted
from lakelanes.types import parse_type

TEXTS = pa.array([b"1", b"x", None, b"\xff", b'"y"'], pa.binary())


def taken(policy: SchemaPolicy) -> tuple[Misfits, Any, list[bool]]:
    misfits = Misfits(policy, len(TEXTS))
    cast, freezing = misfits.take_misfits("n", "Number", TEXTS, cast_column(TEXTS, Judge(parse_type("int"))))
    return misfits, cast, freezing.tolist()


def test_a_misfit_is_a_bad_row_unless_the_policy_loads_it() -> None:
    _, cast, freezing = taken(SchemaPolicy())
    assert (cast.bad.tolist(), freezing) == ([1, 3, 4], [False] * 3)
    _, cast, freezing = taken(SchemaPolicy(type_misfits="freeze"))
    assert (cast.bad.tolist(), freezing) == ([1, 3, 4], [True, False, True])
    for policy in (SchemaPolicy(type_misfits="discard_value"), SchemaPolicy(type_misfits="evolve")):
        _, cast, freezing = taken(policy)
        assert (cast.bad.tolist(), freezing) == ([3], [False]), "bytes that are no text stay bad"


def test_rescued_texts_are_the_members_of_a_json_object() -> None:
    misfits, _, _ = taken(SchemaPolicy(type_misfits="discard_value", rescue=True))
    misfits.rescue("", pa.array([None, "one", "two", None, None], pa.string()))
    rescued = [value and json.loads(value) for value in misfits.rescued().to_pylist()]
    assert rescued == [None, {"": "one", "Number": "x"}, {"": "two"}, None, {"Number": '"y"'}]


def test_a_variant_column_is_there_for_good_rows_alone() -> None:
    misfits, _, _ = taken(SchemaPolicy(type_misfits="evolve"))
    [(name, texts)] = misfits.variants(np.array([True, True, True, False, False]))
    assert (name, texts.to_pylist()) == ("n__v_string", [None, "x", None, None, '"y"'])
    assert misfits.variants(np.array([True, False, True, False, False])) == []


def test_every_text_of_an_unwanted_column_is_bad() -> None:
    cast = unwanted("note", pa.array([None, "a" * 61, ""], pa.string()))
    assert cast.bad.tolist() == [1, 2]
    assert cast.reasons[0] == f"'{'a' * 60}...' is in 'note', a column the table lacks"
