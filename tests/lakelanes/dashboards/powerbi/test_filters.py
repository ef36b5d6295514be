"""Filters of dashboards and the top values of a dimension, as conditions of a visual."""

from __future__ import annotations

from typing import Any

import pytest

from lakelanes.dashboards.powerbi.filters import filter_config
from tests.lakelanes.dashboards.powerbi.made import ON_VISITS, SUM, dashboard, model_of


def filters_of(**settings: Any) -> list[dict[str, Any]]:
    made = dashboard({"kind": "bar", "x": {"column": "store"}, "y": [SUM], **settings})
    config = filter_config(model_of(made), made.name, made.visuals[0])
    found: list[dict[str, Any]] = config["filters"] if config else []
    return found


def condition_of(column: str, **test: Any) -> Any:
    [found] = filters_of(filters=[{"column": column, **test}])
    assert found["filter"]["From"] == [{"Name": "t", "Entity": "shop", "Type": 0}]
    [where] = found["filter"]["Where"]
    return where["Condition"]


def column(name: str, source: str = "t") -> dict[str, Any]:
    return {"Column": {"Expression": {"SourceRef": {"Source": source}}, "Property": name}}


def compared(kind: int, name: str, value: str) -> dict[str, Any]:
    return {"Comparison": {"ComparisonKind": kind, "Left": column(name), "Right": {"Literal": {"Value": value}}}}


def test_some_values() -> None:
    values = [[{"Literal": {"Value": "'a''b'"}}], [{"Literal": {"Value": "'c'"}}]]
    assert condition_of("store", **{"in": ["a'b", "c"]}) == {"In": {"Expressions": [column("store")], "Values": values}}


def test_all_but_some_values_which_the_card_shows_as_left_out() -> None:
    [found] = filters_of(filters=[{"column": "store", "not_in": ["a"]}])
    assert set(found["filter"]["Where"][0]["Condition"]) == {"Not"}
    inverted = found["objects"]["general"][0]["properties"]["isInvertedSelectionMode"]
    assert inverted == {"expr": {"Literal": {"Value": "true"}}}
    [other] = filters_of(filters=[{"column": "store", "in": ["a"]}])
    assert "objects" not in other


AT_LEAST, LESS, AT_MOST = 2, 3, 4
NO_BLANK = {"Not": {"Expression": compared(0, "units", "null")}}


@pytest.mark.parametrize(
    ("name", "test", "expected"),
    [
        ("units", {"from": 5}, [compared(AT_LEAST, "units", "5L")]),
        ("revenue", {"from": "2.5"}, [compared(AT_LEAST, "revenue", "2.5D")]),
        # A blank is compared as 0, and passes in no SQL.
        ("units", {"from": 0}, [compared(AT_LEAST, "units", "0L"), NO_BLANK]),
        ("units", {"to": 5}, [compared(AT_MOST, "units", "5L"), NO_BLANK]),
        ("units", {"from": 1, "to": 5}, [compared(AT_LEAST, "units", "1L"), compared(AT_MOST, "units", "5L")]),
        (
            "sold_at",
            {"from": "2024-01-01", "to": "2024-12-31"},
            # Of the last day every hour.
            [
                compared(AT_LEAST, "sold_at", "datetime'2024-01-01T00:00:00'"),
                compared(LESS, "sold_at", "datetime'2025-01-01T00:00:00'"),
            ],
        ),
    ],
)
def test_bounds(name: str, test: dict[str, Any], expected: list[Any]) -> None:
    found = condition_of(name, **test)
    parts = []
    while "And" in found:
        parts.insert(0, found["And"]["Right"])
        found = found["And"]["Left"]
    assert [found, *parts] == expected


def test_the_last_days_with_today_among_them() -> None:
    made = dashboard(*ON_VISITS)
    config = filter_config(model_of(made), made.name, made.visuals[0])
    assert config is not None
    [where] = config["filters"][0]["filter"]["Where"]
    start = {"DateAdd": {"Expression": {"Now": {}}, "Amount": -27, "TimeUnit": 0}}
    assert where["Condition"]["Comparison"] == {
        "ComparisonKind": AT_LEAST,
        "Left": column("seen_at"),
        "Right": {"DateSpan": {"Expression": start, "TimeUnit": 0}},
    }


@pytest.mark.parametrize(("sort", "direction"), [(None, 2), ("ascending", 2), ("smallest_first", 1)])
def test_the_top_values_are_by_the_first_measure(sort: str | None, direction: int) -> None:
    [found] = filters_of(x={"column": "store", "top": 3, "sort": sort})
    top, table = found["filter"]["From"]
    query = top["Expression"]["Subquery"]["Query"]
    assert (found["type"], query["Top"], table["Entity"]) == ("TopN", 3, "shop")
    by = {"Measure": {"Expression": {"SourceRef": {"Source": "t"}}, "Property": "Sum of revenue (shop)"}}
    assert query["OrderBy"] == [{"Direction": direction, "Expression": by}]
    assert query["Select"] == [{**column("store"), "Name": "field"}]
    [where] = found["filter"]["Where"]
    is_in = {"Expressions": [column("store")], "Table": {"SourceRef": {"Source": "top"}}}
    assert where["Condition"] == {"In": is_in}


def test_the_top_periods_are_of_the_calendar() -> None:
    [found] = filters_of(x={"column": "day", "unit": "month", "top": 3})
    query = found["filter"]["From"][0]["Expression"]["Subquery"]["Query"]
    assert [one["Entity"] for one in query["From"]] == ["Calendar dates", "shop"]
    assert query["OrderBy"][0]["Expression"]["Measure"]["Expression"] == {"SourceRef": {"Source": "m"}}


def test_a_visual_without_filters_has_none_and_names_are_unique() -> None:
    assert filters_of() == []
    found = filters_of(filters=[{"column": "store", "in": ["a"]}] * 2, x={"column": "store", "top": 3})
    assert len({one["name"] for one in found}) == 3
