"""The dashboards of include/dashboards on the sample data: every value of every visual, calculated a second time.

The views' rows are checked against the generator's in tests/lakelanes/catalog; here what Athena adds up of them for a
visual is held against ``tests.support.visuals``, which knows no SQL, and some visuals against the generator's rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from lakelanes.catalog import athena
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.dashboards.queries import MAX_GROUPS, visual_sql
from lakelanes.dashboards.questions import columns_of
from scripts.sample_orders import Orders
from tests.support.localaws import LocalAws
from tests.support.sample_lake import Sample, make_views, put_orders, sample_lake
from tests.support.visuals import evaluate

LAST_DAY, DAYS = date(2024, 3, 2), 12
DASHBOARDS = {dashboard.name: dashboard for dashboard in read_dashboards()}
VISUALS = [(name, visual.id) for name, dashboard in DASHBOARDS.items() for visual in dashboard.visuals]


@pytest.fixture(scope="module")
def sample(local_aws: LocalAws) -> Iterator[Sample]:
    with sample_lake(local_aws, LAST_DAY, DAYS, with_orders=True) as loaded:
        put_orders(loaded.lake, [*map(Orders(7).order, range(400))])
        assert set(make_views(loaded.lake).values()) == {"created"}
        yield loaded


def answer(sample: Sample, name: str, visual_id: str) -> list[dict[str, str | None]]:
    dashboard = DASHBOARDS[name]
    visual = next(one for one in dashboard.visuals if one.id == visual_id)
    dataset = dashboard.datasets[visual.dataset]
    columns = columns_of(sample.lake.config)[dataset.view]
    database = sample.lake.config.resources.glue_database
    return athena.query(sample.lake, visual_sql(database, visual, dataset, columns))


@pytest.mark.parametrize(("name", "visual_id"), VISUALS)
def test_every_value_is_that_of_a_second_calculation(sample: Sample, name: str, visual_id: str) -> None:
    dashboard = DASHBOARDS[name]
    visual = next(one for one in dashboard.visuals if one.id == visual_id)
    dataset = dashboard.datasets[visual.dataset]
    found = answer(sample, name, visual_id)
    expected = evaluate(visual, dataset, athena.query(sample.lake, f"SELECT * FROM {dataset.view}"))
    if visual.kind == "figure" and visual.dimensions:
        expected = {key: expected[key] for key in sorted(expected, reverse=True, key=str)[:2]}
    assert 0 < len(expected) <= MAX_GROUPS
    keys = [tuple(row[f"d{number}"] for number in range(1, len(visual.dimensions) + 1)) for row in found]
    assert len(set(keys)) == len(keys) and set(keys) == expected.keys()
    for key, row in zip(keys, found, strict=True):
        for number, value in enumerate(expected[key], 1):
            text = row[f"m{number}"]
            assert same(text, value), (key, visual.y[number - 1].label, text, value)


def same(text: str | None, value: Any) -> bool:
    if text is None or value is None:
        return text is value
    if isinstance(value, str):
        return text == value
    # Exact where Athena's number is; a quotient is a double.
    return Fraction(text) == value or float(text) == pytest.approx(float(value), rel=1e-12)


def test_the_sample_draws_something_everywhere(sample: Sample) -> None:
    """A visual of no value would prove nothing above."""
    for name, visual_id in VISUALS:
        rows = answer(sample, name, visual_id)
        assert rows and any(row["m1"] is not None for row in rows), (name, visual_id)


def test_conversion_is_of_visits_and_never_a_sum_of_percentages(sample: Sample) -> None:
    visits: dict[str, list[bool]] = defaultdict(list)
    for row in sample.rows["web_sessions"]:
        visits[row["started_at"][:10]].append(row["converted"] == "true")
    found = {row["d1"]: float(row["m1"] or 0) for row in answer(sample, "web_traffic", "conversion_by_day")}
    assert found == {day: pytest.approx(sum(own) / len(own)) for day, own in visits.items()}
    assert all(0 <= value <= 0.2 for value in found.values())


def test_a_stores_attainment_is_its_revenue_by_its_target(sample: Sample) -> None:
    revenue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    target: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in sample.rows["sales"]:
        revenue[row["transaction_date"][:7], row["store_id"]] += Decimal(row["amount"])
    for row in sample.rows["store_targets"]:
        target[row["key"][-14:-7].replace("_", "-"), row["store_id"]] += Decimal(row["revenue_target"])
    rows = answer(sample, "sales", "attainment_by_store")
    found = {((row["d1"] or "")[:7], row["d2"] or ""): float(row["m1"] or 0) for row in rows}
    assert found == {key: pytest.approx(float(revenue[key] / target[key])) for key in target}


def test_revenue_of_a_week_begins_on_monday(sample: Sample) -> None:
    weeks: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in sample.rows["sales"]:
        day = date.fromisoformat(row["transaction_date"])
        monday = day - timedelta(days=day.weekday())
        weeks[str(monday), row["product_category"]] += Decimal(row["amount"])
    rows = answer(sample, "sales", "revenue_by_week_and_category")
    assert {(row["d1"], row["d2"]): Decimal(row["m1"] or 0) for row in rows} == weeks
