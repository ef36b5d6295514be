"""Calculated fields: each expression once, under a name that nothing else has."""

from __future__ import annotations

from lakelanes.dashboards.quicksight.calculated import CalculatedFields


def test_an_expression_that_is_used_twice_is_one_field() -> None:
    made = CalculatedFields(["city"])
    assert made.name("shop", "Share", "a") == made.name("shop", "Share", "a") == "Share"
    assert made.properties() == [{"DataSetIdentifier": "shop", "Name": "Share", "Expression": "a"}]


def test_a_name_is_neither_a_columns_nor_another_fields() -> None:
    made = CalculatedFields(["revenue"])
    named = [made.name(*key) for key in (("a", "Revenue", "x"), ("a", "Revenue", "y"), ("b", "Revenue", "x"))]
    assert named == ["Revenue, calculated", "Revenue, calculated 2", "Revenue, calculated 3"]


def test_a_name_has_128_characters_at_most_and_no_braces() -> None:
    made = CalculatedFields(["x" * 128])
    assert made.name("a", "x" * 130, "e") == "x" * 116 + ", calculated"
    assert made.name("a", "a {b}", "e") == "a (b)"
