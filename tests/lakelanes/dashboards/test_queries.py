"""The SQL of a visual: each of its rules as text, and its answers, for descriptions of any kind, as those of a second
calculation in plain Python."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakelanes.catalog import athena
from lakelanes.dashboards.faults import reference_faults
from lakelanes.dashboards.model import Dashboard, Dataset, Measure, Sheet, Visual
from lakelanes.dashboards.queries import measure_sql, rows_sql, view_sql, visual_sql
from lakelanes.dashboards.view_columns import Columns
from lakelanes.lake import Lake
from tests.support.lakes import deploy_lake
from tests.support.localaws import LocalAws
from tests.support.properties import examples
from tests.support.visuals import evaluate

VIEW = "kinds"
COLUMNS: Columns = {
    "word": "text",
    "d1": "text",
    "whole": "whole",
    "price": "decimal",
    "size": "double",
    "is_new": "boolean",
    "day": "date",
    "at": "timestamp",
    "total": "whole",
    "never": "double",
}
DATASET = Dataset(view=VIEW, date_column="day")
NUMBERS = [name for name, kind in COLUMNS.items() if kind in ("whole", "decimal", "double")]
DATES = ["day", "at"]
REVENUE = {"aggregation": "sum", "column": "price"}


def made(**settings: Any) -> Visual:
    return Visual.model_validate({"id": "v", "title": "V", "dataset": "own", "y": [REVENUE], **settings})


def sql(dataset: Dataset = DATASET, **settings: Any) -> str:
    return visual_sql("lake", made(**settings), dataset, COLUMNS)


def ending(**settings: Any) -> str:
    """What follows the grouped rows."""
    return sql(**settings).split("FROM grouped")[-1].strip()


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ({"aggregation": "sum", "column": "price"}, 'sum("price")'),
        ({"aggregation": "count"}, "count(*)"),
        ({"aggregation": "count", "column": "word"}, 'count("word")'),
        ({"aggregation": "distinct", "column": "word"}, 'count(DISTINCT "word")'),
        ({"aggregation": "average", "column": "price"}, 'avg(CAST("price" AS double))'),
        ({"aggregation": "minimum", "column": "price"}, 'min("price")'),
        ({"aggregation": "maximum", "column": "price"}, 'max("price")'),
        ({"aggregation": "last", "column": "price"}, 'sum("price") FILTER (WHERE is_last)'),
        (
            {"aggregation": "weighted_average", "column": "price", "weight": "whole"},
            'sum(CAST("price" AS double) * CAST("whole" AS double)) / '
            'nullif(sum(CAST("whole" AS double)) FILTER (WHERE "price" IS NOT NULL), 0)',
        ),
        (
            {"aggregation": "ratio_of_sums", "numerator": "price", "denominator": "whole"},
            'CAST(sum("price") AS double) / nullif(CAST(sum("whole") AS double), 0)',
        ),
    ],
)
def test_each_aggregation_is_one_expression(measure: dict[str, Any], expected: str) -> None:
    assert measure_sql(Measure.model_validate(measure)) == expected


@pytest.mark.parametrize("name", ["d1", "d12", "m1", "is_last", "is_last_of_value", "top_value", "top_measure", "c_d1"])
def test_a_column_with_a_name_of_the_querys_own_has_another_within(name: str) -> None:
    one = made(kind="line", x={"column": "day"}, y=[{"aggregation": "sum", "column": name}])
    text = visual_sql("lake", one, DATASET, {**COLUMNS, name: "whole"})
    assert f'SELECT "day" AS d1, "{name}" AS "c_{name}"\n' in text and f'SELECT d1, sum("c_{name}") AS m1\n' in text


def test_over_the_view_itself_a_column_has_its_own_name() -> None:
    measure = Measure.model_validate({"aggregation": "ratio_of_sums", "numerator": "d1", "denominator": "m1"})
    assert measure_sql(measure, of_view=True) == 'CAST(sum("d1") AS double) / nullif(CAST(sum("m1") AS double), 0)'
    assert '"c_d1"' in measure_sql(measure) and '"c_m1"' in measure_sql(measure)


def test_what_adds_up_by_itself_is_given_the_same_rows() -> None:
    settings: dict[str, Any] = {"kind": "bar", "x": {"column": "word", "top": 3}}
    text = rows_sql("lake", made(**settings), DATASET, COLUMNS)
    asked = sql(**settings)
    assert text.split("SELECT grouped.*")[0] == asked.split("SELECT d1, sum")[0]
    assert text.endswith("FROM grouped\nJOIN top_values ON d1 IS NOT DISTINCT FROM top_value")


def test_rows_are_grouped_filtered_and_added_up_by_athena() -> None:
    assert sql(
        kind="line",
        x={"column": "day", "unit": "month"},
        series={"column": "word"},
        filters=[{"column": "is_new", "in": [True]}, {"column": "whole", "from": 1}],
    ) == (
        "WITH grouped AS (\n"
        '  SELECT CAST(date_trunc(\'month\', "day") AS date) AS d1, "word" AS d2, "price"\n'
        '  FROM "lake"."kinds"\n'
        '  WHERE "is_new" IN (true) AND "whole" >= 1\n'
        ")\n"
        'SELECT d1, d2, sum("price") AS m1\n'
        "FROM grouped\n"
        "GROUP BY d1, d2\n"
        "ORDER BY d1 DESC NULLS LAST, d2 NULLS LAST\n"
        "LIMIT 2001"
    )


def test_the_top_values_are_ranked_by_all_of_their_rows() -> None:
    text = sql(kind="bar", x={"column": "word", "top": 3}, series={"column": "is_new"})
    assert (
        'top_values AS (\n  SELECT d1 AS top_value, sum("price") AS top_measure\n'
        "  FROM grouped GROUP BY d1\n  ORDER BY 2 DESC NULLS LAST, 1 LIMIT 3\n)"
    ) in text
    assert "FROM grouped\nJOIN top_values ON d1 IS NOT DISTINCT FROM top_value\nGROUP BY d1, d2" in text
    assert "ORDER BY 2 ASC NULLS LAST, 1 LIMIT 3" in sql(
        kind="bar", x={"column": "word", "top": 3, "sort": "smallest_first"}
    )


def test_the_last_rows_are_those_of_the_groups_and_for_a_rank_those_of_the_value() -> None:
    last = {"aggregation": "last", "column": "price"}
    own = '"day" IS NOT DISTINCT FROM max("day") OVER '
    assert f"{own}() AS is_last" in sql(kind="figure", y=[last])
    assert f'{own}(PARTITION BY "word") AS is_last' in sql(kind="bar", x={"column": "word"}, y=[last])
    text = sql(kind="bar", x={"column": "word"}, series={"column": "is_new", "top": 1}, y=[last])
    assert f'{own}(PARTITION BY "word", "is_new") AS is_last, {own}(PARTITION BY "is_new") AS is_last_of_value' in text
    assert 'd2 AS top_value, sum("price") FILTER (WHERE is_last_of_value) AS top_measure' in text


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ({"column": "word", "in": ["a", "it's"]}, "\"word\" IN ('a', 'it''s')"),
        ({"column": "word", "not_in": ["a"]}, '("word" IS NULL OR "word" NOT IN (\'a\'))'),
        ({"column": "whole", "in": [-1, 2]}, '"whole" IN (-1, 2)'),
        ({"column": "is_new", "in": [False]}, '"is_new" IN (false)'),
        ({"column": "day", "in": ["2024-03-15"]}, "\"day\" IN (DATE '2024-03-15')"),
        ({"column": "at", "in": ["2024-03-15"]}, "\"at\" IN (DATE '2024-03-15')"),
        ({"column": "price", "from": 0, "to": "1.50"}, '"price" >= 0 AND "price" <= 1.50'),
        ({"column": "whole", "from": 86400}, '"whole" >= 86400'),
        ({"column": "day", "from": "2024-03-15"}, "\"day\" >= DATE '2024-03-15'"),
        ({"column": "at", "to": "2024-03-15"}, "CAST(\"at\" AS date) <= DATE '2024-03-15'"),
        ({"column": "day", "last_days": 1}, "\"day\" >= date_add('day', 0, current_date)"),
        ({"column": "at", "last_days": 28}, "\"at\" >= date_add('day', -27, current_date)"),
    ],
)
def test_each_filter_is_a_test_of_the_rows(test: dict[str, Any], expected: str) -> None:
    assert f"\n  WHERE {expected}\n)" in sql(kind="figure", filters=[test])


@pytest.mark.parametrize(
    ("unit", "column", "expected"),
    [
        (None, "at", '"at" AS d1'),
        ("hour", "at", "date_trunc('hour', \"at\") AS d1"),
        ("day", "at", "CAST(date_trunc('day', \"at\") AS date) AS d1"),
        *((unit, "day", f"CAST(date_trunc('{unit}', \"day\") AS date) AS d1") for unit in ("week", "quarter", "year")),
    ],
)
def test_a_unit_cuts_a_date_to_the_start_of_its_period(unit: str | None, column: str, expected: str) -> None:
    assert f"SELECT {expected}, " in sql(kind="line", x={"column": column, "unit": unit})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kind": "bar", "x": {"column": "word"}}, "m1 DESC NULLS LAST, d1 NULLS LAST"),
        ({"kind": "bar", "x": {"column": "whole"}}, "d1 NULLS LAST"),
        ({"kind": "bar", "x": {"column": "day"}}, "d1 DESC NULLS LAST"),
        ({"kind": "heat_map", "x": {"column": "word"}, "series": {"column": "day"}}, "d1 NULLS LAST, d2 NULLS LAST"),
        ({"kind": "bar", "x": {"column": "word", "sort": "descending"}}, "d1 DESC NULLS LAST"),
        ({"kind": "bar", "x": {"column": "word", "sort": "smallest_first"}}, "m1 NULLS LAST, d1 NULLS LAST"),
        ({"kind": "bar", "x": {"column": "word"}, "series": {"column": "is_new"}}, "d1 NULLS LAST, d2 NULLS LAST"),
        (
            {"kind": "table", "columns": [{"column": "day", "sort": "descending"}, {"column": "word"}]},
            "d1 DESC NULLS LAST, d2 NULLS LAST",
        ),
        (
            {"kind": "table", "columns": [{"column": "day"}, {"column": "word", "sort": "largest_first"}]},
            "m1 DESC NULLS LAST, d1 NULLS LAST, d2 NULLS LAST",
        ),
    ],
)
def test_groups_are_sorted_as_the_visual_says(settings: dict[str, Any], expected: str) -> None:
    assert f"\nORDER BY {expected}\nLIMIT 2001" in ending(**settings)


def test_a_figure_reads_its_last_two_periods_and_one_without_periods_a_row() -> None:
    with_period = ending(kind="figure", x={"column": "day", "unit": "month"})
    assert with_period == "GROUP BY d1\nORDER BY d1 DESC NULLS LAST\nLIMIT 2"
    assert ending(kind="figure") == "LIMIT 2"
    assert "SELECT 1 AS one\n" in sql(kind="figure", y=[{"aggregation": "count"}])


def test_names_are_quoted_and_a_view_is_read_up_to_a_limit() -> None:
    assert view_sql('la"ke', VIEW, limit=9) == 'SELECT * FROM "la""ke"."kinds" LIMIT 10'
    assert visual_sql("lake", made(kind="figure"), DATASET, COLUMNS, limit=9).endswith("LIMIT 2")
    assert visual_sql("lake", made(kind="line", x={"column": "day"}), DATASET, COLUMNS, limit=9).endswith("LIMIT 10")


def table_of_all_kinds(count: int = 90) -> pa.Table:
    """Rows with few values per column, so that there are ties, and nulls in each. Numbers are quarters: their sums are
    exact in a double, whatever the order."""
    dice = random.Random(14)
    today = datetime.now(UTC).replace(tzinfo=None, minute=0, second=0, microsecond=0)

    def quarter() -> float:
        return dice.randint(-12, 20) / 4

    def moment() -> datetime:
        if dice.random() < 0.3:
            return today - timedelta(days=dice.randint(0, 4), hours=dice.randint(0, 3))
        return datetime(2023, 12, 25) + timedelta(
            days=dice.randint(0, 20), hours=dice.randint(0, 2), minutes=7 * dice.randint(0, 1)
        )

    def row() -> dict[str, Any]:
        found = {
            "word": dice.choice(["a", "b", "it's", "Zürich", ""]),
            "d1": dice.choice(["x", "y"]),
            "whole": dice.choice([-3, -1, 0, 0, 1, 2, 10, 9]),
            "price": Decimal(str(quarter())),
            "size": quarter(),
            "is_new": dice.random() < 0.5,
            "day": moment().date(),
            "at": moment(),
        }
        return {name: None if dice.random() < 0.15 else value for name, value in found.items()} | {
            "total": 1 if dice.random() < 0.1 else None,
            "never": None,
        }

    types = {"text": pa.string(), "whole": pa.int64(), "decimal": pa.decimal128(10, 2), "double": pa.float64()}
    types |= {"boolean": pa.bool_(), "date": pa.date32(), "timestamp": pa.timestamp("ms")}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    return pa.Table.from_pylist([row() for _ in range(count)], schema)


@pytest.fixture(scope="module")
def lake(local_aws: LocalAws) -> Iterator[Lake]:
    """A lake with a table of all kinds of columns."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in local_aws.environment.items():
            patch.setenv(name, value)
        made_lake = deploy_lake(local_aws)
        body = io.BytesIO()
        pq.write_table(table_of_all_kinds(), body)
        bucket = made_lake.config.resources.analytics_bucket
        made_lake.s3.put_object(Bucket=bucket, Key="kinds/rows.parquet", Body=body.getvalue())
        hive = {"text": "string", "whole": "bigint", "decimal": "decimal(10,2)"}
        ddl = ", ".join(f"`{name}` {hive.get(kind, kind)}" for name, kind in COLUMNS.items())
        database = made_lake.config.resources.glue_database
        athena.execute(
            made_lake,
            f"CREATE EXTERNAL TABLE {database}.{VIEW} ({ddl}) STORED AS PARQUET LOCATION 's3://{bucket}/kinds/'",
        )
        yield made_lake


@pytest.fixture(scope="module")
def rows(lake: Lake) -> list[dict[str, str | None]]:
    """All of its rows, as Athena writes them."""
    return list(athena.query(lake, f"SELECT * FROM {VIEW}"))


@st.composite
def dimensions(draw: st.DrawFn, count: int) -> list[dict[str, Any]]:
    names = draw(st.permutations([name for name in COLUMNS if name != "never"]))[:count]
    found = []
    for name in names:
        one: dict[str, Any] = {"column": name, "title": f"By {name}"}
        if name in DATES and draw(st.booleans()):
            units = ["day", "week", "month", "quarter", "year", *(["hour"] if name == "at" else [])]
            one["unit"] = draw(st.sampled_from(units))
        if draw(st.booleans()):
            one["sort"] = draw(st.sampled_from(["ascending", "descending", "largest_first", "smallest_first"]))
        found.append(one)
    if found and draw(st.booleans()):
        draw(st.sampled_from(found))["top"] = draw(st.integers(1, 4))
    return found


@st.composite
def measures(draw: st.DrawFn, kind: str, label: str) -> dict[str, Any]:
    number = st.sampled_from(NUMBERS)
    kinds = ["sum", "count"]
    if kind != "stacked_bar":
        kinds += ["distinct", "average", "minimum", "maximum", "weighted_average", "ratio_of_sums", "last"]
    aggregation = draw(st.sampled_from(kinds))
    found: dict[str, Any] = {"aggregation": aggregation, "title": label}
    match aggregation:
        case "count" if draw(st.booleans()):
            pass
        case "count" | "distinct":
            found["column"] = draw(st.sampled_from(list(COLUMNS)))
        case "minimum" | "maximum" if kind == "table":
            found["column"] = draw(st.sampled_from([*NUMBERS, *DATES]))
        case "weighted_average":
            found |= {"column": draw(number), "weight": draw(number)}
        case "ratio_of_sums":
            found |= {"numerator": draw(number), "denominator": draw(number)}
        case _:
            found["column"] = draw(number)
    return found


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    column = draw(st.sampled_from(list(COLUMNS)))
    kind = COLUMNS[column]
    day = st.dates(date(2023, 12, 28), date(2024, 1, 12)).map(str)
    if kind in ("text", "boolean") or draw(st.booleans()):
        value = {"text": st.sampled_from(["a", "b", "it's", "", "x", "nothing"]), "boolean": st.booleans()}
        listed = value.get(kind, day if column in DATES else st.integers(-2, 3))
        name = draw(st.sampled_from(["in", "not_in"]))
        return {"column": column, name: draw(st.lists(listed, min_size=1, max_size=3))}
    if column in DATES and draw(st.booleans()):
        return {"column": column, "last_days": draw(st.integers(1, 5))}
    bound = day if column in DATES else st.integers(-8, 12).map(lambda number: number / 4)
    names = draw(st.sampled_from([("from",), ("to",), ("from", "to")]))
    return {"column": column, **{name: draw(bound) for name in names}}


@st.composite
def visuals(draw: st.DrawFn) -> Visual:
    kind = draw(st.sampled_from(["line", "bar", "stacked_bar", "table", "figure", "heat_map"]))
    wide = draw(st.booleans())
    settings: dict[str, Any] = {"kind": kind, "filters": draw(st.lists(filters(), max_size=2))}
    count = {"figure": 0, "heat_map": 2, "table": draw(st.integers(1, 4))}.get(kind, 1 if wide else 2)
    found = draw(dimensions(count))
    if kind == "table":
        settings["columns"] = found
    elif kind == "figure" and wide:
        settings["x"] = {"column": draw(st.sampled_from(DATES)), "unit": draw(st.sampled_from(["day", "month"]))}
    else:
        settings |= dict(zip(("x", "series"), found, strict=False))
    several = kind == "table" or (kind in ("line", "bar", "stacked_bar") and wide)
    least = 2 if several and kind == "stacked_bar" else 1
    numbers = range(draw(st.integers(least, 3)) if several else 1)
    return made(**settings, y=[draw(measures(kind, f"Measure {number}")) for number in numbers])


def same(text: str | None, value: Any) -> bool:
    if text is None or value is None:
        return text is value
    if isinstance(value, str):
        return text == value
    return Fraction(text) == value or float(text) == pytest.approx(float(value), rel=1e-12)


@given(visual=visuals())
@examples(150)
def test_any_visuals_answer_is_that_of_a_second_calculation(
    lake: Lake, rows: list[dict[str, str | None]], visual: Visual
) -> None:
    assert_answered(lake, rows, visual)


@pytest.mark.parametrize("top", [1, 2])
@pytest.mark.parametrize(("x", "series"), [*permutations(("word", "d1", "whole", "is_new"), 2)])
def test_the_top_values_by_their_last_rows(
    lake: Lake, rows: list[dict[str, str | None]], x: str, series: str, top: int
) -> None:
    last = {"aggregation": "last", "column": "price"}
    one = made(kind="bar", x={"column": x, "top": top}, series={"column": series}, y=[last])
    assert_answered(lake, rows, one)


def assert_answered(lake: Lake, rows: list[dict[str, str | None]], visual: Visual) -> None:
    board = Dashboard(name="any", title="Any", datasets={"own": DATASET}, sheets=(Sheet(title="S", visuals=(visual,)),))
    assert reference_faults([board], {VIEW: COLUMNS}) == []
    text = visual_sql(lake.config.resources.glue_database, visual, DATASET, COLUMNS)
    found = list(athena.query(lake, text))
    expected = evaluate(visual, DATASET, rows)
    if visual.kind == "figure" and visual.dimensions:
        # The last two; a period of rows without a date is before all others.
        last = sorted(expected, key=lambda key: (key[0] is not None, key[0]), reverse=True)[:2]
        expected = {key: expected[key] for key in last}
    keys = [tuple(row[f"d{number}"] for number in range(1, len(visual.dimensions) + 1)) for row in found]
    assert len(keys) == len(set(keys)) and set(keys) == expected.keys(), text
    for key, row in zip(keys, found, strict=True):
        for number, value in enumerate(expected[key], 1):
            assert same(row[f"m{number}"], value), (key, visual.y[number - 1], row, value, text)
