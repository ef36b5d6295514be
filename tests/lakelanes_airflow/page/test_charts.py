"""Which chart suits a view's rows, and what it shows: of any rows, for any view may come."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from lakelanes_airflow.page import charts
from lakelanes_airflow.page.charts import Chart, Row, chart_of, svg


def rows(columns: str, *values: str) -> list[Row]:
    """Rows of columns, each given as words; ``-`` for null."""
    return [dict(zip(columns.split(), (None if v == "-" else v for v in line.split()), strict=True)) for line in values]


def drawn(chart: Chart | None) -> ElementTree.Element:
    assert chart is not None
    return ElementTree.fromstring(str(svg(chart, "c1")))


def points(picture: ElementTree.Element) -> list[list[tuple[float, float]]]:
    """The points of each line."""
    lines = [one.attrib["points"].split() for one in picture.iter("polyline")]
    return [[(float(x), float(y)) for x, y in (point.split(",") for point in line)] for line in lines]


@pytest.mark.parametrize(
    ("columns", "values", "kind", "by", "measure"),
    [
        ("day revenue", ["2024-03-15 1.50", "2024-03-16 2.50"], "lines", "day", "revenue"),
        ("month orders", ["2024-03 1", "2024-04 2"], "lines", "month", "orders"),
        ("year month amount", ["2024 03 1.0", "2024 04 2.0"], "lines", "year-month", "amount"),
        ("at n", ["2024-03-15T10:00:00 1", "2024-03-15T11:00:00 2"], "lines", "at", "n"),
        # Money is asked for before counts, and a date before a name.
        ("city orders revenue", ["Bern 3 1.50", "Basel 1 2.50"], "bars", "city", "revenue"),
        ("city day n", ["Bern 2024-03-15 3", "Basel 2024-03-15 1"], "lines", "day", "n"),
        ("city orders", ["Bern 3", "Basel 1"], "bars", "city", "orders"),
    ],
)
def test_the_rows_choose_the_chart(columns: str, values: list[str], kind: str, by: str, measure: str) -> None:
    chart = chart_of(rows(columns, *values))
    assert chart is not None
    assert (chart.kind, chart.by, chart.measure) == (kind, by, measure)


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("a b", []),
        ("name city", ["a Bern"]),
        ("orders", ["3"]),
        ("n name", ["NaN a"]),
        ("day n", ["2024-03-15 1e9999999"]),
        ("day n", ["+12024-03-15 1"]),
        ("n name", ["- a"]),
        ("day n", ["- 1"]),
    ],
)
def test_what_cannot_be_drawn_is_not(columns: str, values: list[str]) -> None:
    assert chart_of(rows(columns, *values)) is None


def test_rows_of_one_place_are_summed_exactly() -> None:
    chart = chart_of(rows("day amount", *["2024-03-15 0.1"] * 3, "2024-03-16 1e3"))
    assert chart is not None
    assert chart.series == {"amount": [Decimal("0.3"), Decimal(1000)]}


def test_a_few_texts_are_a_line_each_and_many_are_one_together() -> None:
    few = [f"2024-03-{day:02} city{city} {city}" for day in (15, 16) for city in range(6)]
    chart = chart_of(rows("day city n", *few, "2024-03-17 city0 9"))
    assert chart is not None
    assert list(chart.series) == [f"city{city}" for city in range(6)]
    assert chart.series["city0"] == [0, 0, 9] and chart.series["city1"] == [1, 1, None]
    many = [f"2024-03-{day:02} city{city} 1" for day in (15, 16) for city in range(7)]
    chart = chart_of(rows("day city n", *many))
    assert chart is not None and chart.series == {"n": [7, 7]}


def test_dates_in_parts_sort_as_time_does_and_rows_without_one_are_left_out() -> None:
    chart = chart_of(rows("year month n", "2024 10 3", "2024 2 1", "- 5 9", "2024 - 9"))
    assert chart is not None
    assert (chart.xs, chart.series) == (["2024-02", "2024-10"], {"n": [1, 3]})


def test_a_line_stands_on_zero_and_has_its_dates_below() -> None:
    picture = drawn(chart_of(rows("day n", "2024-03-15 10", "2024-03-16 40", "2024-03-17 20")))
    [line] = points(picture)
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    first, second, third = (y for _, y in line)
    assert second < third < first, "up is more"
    texts = [one.text for one in picture.iter("text")]
    assert texts == ["0", "10", "20", "30", "40", "2024-03-15", "2024-03-16", "2024-03-17"]


def test_negative_values_are_below_zero() -> None:
    picture = drawn(chart_of(rows("day n", "2024-03-15 -10", "2024-03-16 30")))
    [line] = points(picture)
    grid = {one.attrib["y1"] for one in picture.iter("line")}
    texts = [one.text for one in picture.iter("text")]
    assert texts[:5] == ["-10", "0", "10", "20", "30"] and len(grid) == 5
    assert line[0][1] > line[1][1]
    assert all(0 <= y <= 240 for _, y in line)


def test_negative_bars_go_to_the_left_of_zero() -> None:
    picture = drawn(chart_of(rows("city n", "Bern 30", "Basel -10", "Chur 0")))
    bars = [(float(one.attrib["x"]), float(one.attrib["width"])) for one in picture.iter("rect")]
    names = [one.text for one in picture.iter("text")]
    assert names == ["Bern", "30", "Chur", "0", "Basel", "-10"]
    (bern, chur, basel) = bars
    assert bern[1] == pytest.approx(3 * basel[1], abs=0.2)
    assert basel[0] + basel[1] == pytest.approx(bern[0], abs=0.2), "both meet at zero"
    assert chur[1] <= 1
    # Without one the bars begin at the left.
    picture = drawn(chart_of(rows("city n", "Bern 30", "Basel 10")))
    assert {one.attrib["x"] for one in picture.iter("rect")} == {"200.0"}
    assert list(picture.iter("line")) == []


def test_one_row_is_a_dot_or_a_bar_and_gaps_break_a_line() -> None:
    picture = drawn(chart_of(rows("day n", "2024-03-15 5")))
    [dot] = picture.iter("circle")
    assert 0 < float(dot.attrib["cx"]) < 640 and points(picture) == []
    assert len(list(drawn(chart_of(rows("city n", "Bern 5"))).iter("rect"))) == 1
    broken = chart_of(
        rows(
            "day city n", *(f"2024-03-{d} a 1" for d in (10, 11, 13, 14)), *(f"2024-03-{d} b 1" for d in range(10, 15))
        )
    )
    assert [len(line) for line in points(drawn(broken))] == [2, 2, 5]


def test_many_rows_are_one_line_with_three_dates_and_the_largest_bars() -> None:
    days = [f"{2020 + n // 336}-{n // 28 % 12 + 1:02}-{n % 28 + 1:02} {n}" for n in range(2000)]
    picture = drawn(chart_of(rows("day n", *days)))
    assert len(points(picture)[0]) == 2000
    assert len([one for one in picture.iter("text") if one.text and "-" in one.text]) == 3
    picture = drawn(chart_of(rows("city n", *(f"city{n} {n}" for n in range(500)))))
    names = [one.text for one in picture.iter("text")][::2]
    assert names == [f"city{n}" for n in range(499, 487, -1)]


def test_values_that_are_all_zero_are_drawn() -> None:
    assert points(drawn(chart_of(rows("day n", "2024-03-15 0", "2024-03-16 0"))))
    assert len(list(drawn(chart_of(rows("city n", "Bern 0"))).iter("rect"))) == 1


def test_names_are_text_whatever_they_hold() -> None:
    evil = '<script>alert("1")</script>&amp;'
    found = chart_of([{evil: evil, "n": "1"}, {evil: "x" * 50, "n": "2"}])
    picture = str(svg(found, "c1")) if found else ""
    assert "<script" not in picture and "&lt;script&gt;" in picture
    assert ElementTree.fromstring(picture).find("title") is not None
    assert next(one.text for one in ElementTree.fromstring(picture).iter("text")) == "x" * 27 + "…"


def test_the_title_says_what_is_seen() -> None:
    chart = chart_of(rows("day city n", "2024-03-15 a 1500", "2024-03-16 a 2", "2024-03-16 b 2500000"))
    picture = drawn(chart)
    title = picture.find("title")
    assert picture.attrib["role"] == "img" and title is not None
    assert picture.attrib["aria-labelledby"] == title.attrib["id"] == "c1"
    assert title.text == "n by day, 2 values from 2024-03-15 to 2024-03-16 in 2 lines; least 2, most 2.5 m"


def test_colours_are_left_to_the_stylesheet() -> None:
    """So that light and dark have their own."""
    chart = chart_of(rows("day city n", *(f"2024-03-15 c{n} 1" for n in range(6)), "2024-03-16 c0 1"))
    assert chart is not None
    assert not re.search(r"(fill|stroke|style)=", str(svg(chart, "c1")))


# What a view may answer, and no scale shows.
BEYOND = ("9" * 400, "1e9999999", "-1e9999999", "1E+400", "NaN", "Infinity", "-Infinity", "-" + "9" * 100_000, "1e101")
TINY = ("1e-9999999", "1e-400", "0e999999999999999999999", "0.0", "1e-101", "-0", "1" + "0" * 300 + "e-600")


@pytest.mark.parametrize("value", BEYOND)
@pytest.mark.parametrize("columns", ["day n", "name n", "year month n"])
def test_a_value_that_no_scale_shows_is_left_out_and_counted(columns: str, value: str) -> None:
    place = {"day n": "2024-03-1{}", "name n": "city{}", "year month n": "2024 0{}"}[columns]
    chart = chart_of(rows(columns, *(f"{place.format(n)} {n}.5" for n in range(1, 5)), f"{place.format(5)} {value}"))
    assert chart is not None and chart.measure == "n"
    [series] = chart.series.values()
    assert sorted(one for one in series if one is not None) == [Decimal(f"{n}.5") for n in range(1, 5)]
    assert chart.left_out == 1
    if chart.kind == "lines":
        assert (len(chart.xs), series[-1]) == (5, None), "its place is a gap"
    assert "least 1.5, most 4.5" in str(svg(chart, "c"))


def test_a_sum_with_such_a_value_in_it_is_not_drawn_as_if_it_had_none() -> None:
    chart = chart_of(rows("day n", "2024-03-15 1", "2024-03-15 NaN", "2024-03-16 2", "2024-03-17 3"))
    assert chart is not None and (chart.series, chart.left_out) == ({"n": [None, 2, 3]}, 1)
    chart = chart_of(rows("name n", "a 1", "a NaN", "b 2"))
    assert chart is not None and (chart.xs, chart.left_out) == (["b"], 1)


@pytest.mark.parametrize("value", TINY)
def test_a_value_too_small_to_be_seen_is_nought(value: str) -> None:
    chart = chart_of(rows("day n", f"2024-03-15 {value}", "2024-03-16 2"))
    assert chart is not None and chart.series == {"n": [0, 2]} and chart.left_out == 0
    assert len(str(svg(chart, "c"))) < 3000


@pytest.mark.parametrize("value", ["1e99", "-1e99", "1e-99", "1e-12", "9" * 38, "123456789012345678", "-1e-30"])
def test_scales_of_every_size_have_ticks_and_short_labels(value: str) -> None:
    for columns, other in (("day n", "2024-03-16 0"), ("name n", "other 0")):
        first = f"2024-03-15 {value}" if columns == "day n" else f"one {value}"
        picture = drawn(chart_of(rows(columns, first, other)))
        texts = [one.text or "" for one in picture.iter("text")]
        assert len(set(texts)) >= 4 and max(map(len, texts)) <= 20, texts
        assert all(0 <= float(one.attrib["y1"]) <= 240 for one in picture.iter("line"))


@pytest.mark.parametrize("date", ["+12024-03-15", "-0044-03-15", "+12024-03-15 10:00:00.000"])
@pytest.mark.parametrize("column", ["day", "sold_on"])
def test_a_date_beyond_the_year_9999_is_left_out_and_counted(date: str, column: str) -> None:
    values = [{column: "2024-03-15", "n": "1"}, {column: date, "n": "2"}, {column: "2024-03-16", "n": "3"}]
    chart = chart_of(values)
    assert chart is not None
    assert (chart.by, chart.xs, chart.left_out) == (column, ["2024-03-15", "2024-03-16"], 1)
    chart = chart_of(rows("year month n", "2024 03 1", "12024 03 2"))
    assert chart is not None and (chart.xs, chart.left_out) == (["2024-03"], 1)


def test_a_long_text_is_drawn_cut() -> None:
    long = "x" * 1_000_000
    for values in (
        [{"name": long, "n": "1"}, {"name": "b", "n": "2"}],
        [{"day": f"2024-03-1{n}", "name": name, "n": "2"} for n in (1, 2) for name in (long, "b")],
        [{"month": long, "n": "1"}, {"month": "03", "n": "1"}],
    ):
        chart = chart_of(values)
        assert chart is not None and len(str(svg(chart, "c"))) < 5000


@pytest.mark.parametrize("text", ["1_000", "\N{ARABIC-INDIC DIGIT ONE}", " 1", "0x10", "1,5", "inf", "1e", "."])
def test_what_python_alone_takes_for_a_number_is_none(text: str) -> None:
    assert chart_of([{"name": "a", "n": text}]) is None


def test_rows_that_nobody_thought_of_mark_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(charts, "chart_of", fail)
    chart, picture = charts.drawn("a-query-of-its-own", rows("day n", "2024-03-15 1"))
    assert chart is None and "These rows cannot be drawn." in picture


def test_an_answer_that_could_not_be_read_once_is_drawn_the_next_time() -> None:
    assert charts.drawn("another-query", []) == (None, "")
    chart, _ = charts.drawn("another-query", rows("day n", "2024-03-15 1"))
    assert chart is not None
