"""The judge remembers its verdicts, within bounds, and a column is cast alike with what it remembers and without."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from lakelanes.convert import cast
from lakelanes.convert.cast import Judge, cast_column
from lakelanes.types import parse_type


def values(judge: Judge, *texts: bytes | None) -> tuple[list[Any], list[int]]:
    found = cast_column(pa.array(texts, pa.binary()), judge)
    return found.values.to_pylist(), found.bad.tolist()


def test_no_more_verdicts_are_remembered_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cast, "_REMEMBERED", 10)
    judge = Judge(parse_type("int"))
    texts = [f"{number}x".encode() for number in range(35)] + [b"+7"]
    for _ in range(2):
        assert values(judge, *texts, *texts) == ([None] * 35 + [7] + [None] * 35 + [7], [*range(35), *range(36, 71)])
        assert len(judge._verdicts) <= 10


def test_a_verdict_about_a_long_text_is_not_remembered() -> None:
    judge = Judge(parse_type("int"))
    long, short = b"x" * 65, b"x" * 64
    assert values(judge, long, short) == ([None, None], [0, 1])
    assert list(judge._verdicts) == [short]


def test_a_value_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    parse_value = cast.parse_value

    def counting(text: bytes, *others: Any) -> Any:
        asked.append(text)
        return parse_value(text, *others)

    monkeypatch.setattr(cast, "parse_value", counting)
    judge = Judge(parse_type("int"))
    for _ in range(2):
        assert values(judge, b"x", b"1", b"x", b" 5 ", None) == ([None, 1, None, 5, None], [0, 2])
    assert sorted(asked) == [b" 5 ", b"x"]


def test_a_null_beside_a_bad_nested_value_is_no_bad_row() -> None:
    assert values(Judge(parse_type("array<int>")), None, b"[1]", b"[", None) == ([None, [1], None, None], [2])
