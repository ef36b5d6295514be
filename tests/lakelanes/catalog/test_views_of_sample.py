"""The views of include/sql/views answer what their first line asks, over files loaded the whole way.

What they should answer is computed here from the source files, in Python, without the engine and without SQL.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.client import BaseClient

from lakelanes.catalog import athena
from lakelanes.catalog.registrar import Registrar
from lakelanes.catalog.views import VIEWS, read_views, refresh
from lakelanes.files.batch import load_batch
from lakelanes.files.listing import list_entity
from lakelanes.files.matching import partition_for
from lakelanes.files.validation import validate
from lakelanes.lake import Lake
from tests.support.localaws import LocalAws
from tests.support.sample_lake import Sample, make_views, sample_lake

# Over the end of a month, in a leap year, and long enough for a week before.
LAST_DAY, DAYS = date(2024, 3, 2), 9


@pytest.fixture(scope="module")
def sample(local_aws: LocalAws) -> Iterator[Sample]:
    with sample_lake(local_aws, LAST_DAY, DAYS) as loaded:
        make_views(loaded.lake)
        yield loaded


def ask(sample: Sample, sql: str) -> list[dict[str, str | None]]:
    return athena.query(sample.lake, sql)


def decimals(rows: list[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    return [{**row, **{name: Decimal(row[name]) for name in columns if row[name] is not None}} for row in rows]


def test_views_are_read_with_their_inputs_first() -> None:
    views = {view.name: view for view in read_views(VIEWS)}
    assert views["daily_scorecard"].inputs == {"revenue_by_day_and_category", "web_traffic_by_hour"}
    order = list(views)
    assert order.index("daily_scorecard") > max(map(order.index, views["daily_scorecard"].inputs))
    assert all(view.sql.startswith("-- ") and view.sql.splitlines()[0].endswith("?") for view in views.values())


def test_refreshing_again_changes_nothing(sample: Sample) -> None:
    actions = {outcome.name: outcome.action for outcome in refresh(sample.lake)}
    # This lake has no orders: they are not in its configuration.
    orders = {view.name for view in read_views() if "orders_current" in view.inputs}
    assert actions == {name: "not configured" if name in orders else "unchanged" for name in actions}
    assert len(actions) > len(orders) > 0


def test_tables_hold_what_the_generator_wrote(sample: Sample) -> None:
    for totals in sample.manifest.entities.values():
        loaded = ask(sample, f"SELECT count(*) AS n, sum({totals.summed}) AS total FROM {totals.table}")[0]
        rejected = ask(sample, f"SELECT count(*) AS n FROM {totals.table}_rejects")[0]
        assert (int(loaded["n"] or 0), Decimal(loaded["total"] or 0)) == (totals.good, totals.total)
        assert int(rejected["n"] or 0) == totals.bad


def test_revenue_by_day_and_category(sample: Sample) -> None:
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sample.rows["sales"]:
        sums = expected.setdefault(
            (row["transaction_date"], row["product_category"]),
            {"transactions": 0, "refunds": 0, "units": 0, "revenue": Decimal(0)},
        )
        sums["transactions"] += 1
        sums["refunds"] += row["amount"].startswith("-")
        sums["units"] += int(row["quantity"])
        sums["revenue"] += Decimal(row["amount"])
    answer = ask(sample, "SELECT * FROM revenue_by_day_and_category")
    assert len(expected) == DAYS * 6
    assert {(row["sales_date"], row["product_category"]): row for row in decimals(answer, "revenue")} == {
        (day, category): {
            "year": day[:4],
            "month": day[5:7],
            "day": day[8:],
            "sales_date": day,
            "product_category": category,
            **{name: str(value) if isinstance(value, int) else value for name, value in sums.items()},
        }
        for (day, category), sums in expected.items()
    }


def test_revenue_against_target(sample: Sample) -> None:
    revenue: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    targets: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    transactions: Counter[tuple[str, str]] = Counter()
    names = {}
    for row in sample.rows["sales"]:
        where = (row["transaction_date"][:7], row["store_id"])
        revenue[where] += Decimal(row["amount"])
        transactions[where] += 1
    for row in sample.rows["store_targets"]:
        targets[row["key"][-14:-7].replace("_", "-"), row["store_id"]] += Decimal(row["revenue_target"])
        names[row["store_id"]] = row["store_name"]
    answer = decimals(ask(sample, "SELECT * FROM revenue_against_target"), "revenue", "revenue_target")
    assert len(answer) == 2 * 9
    for row in answer:
        where = (f"{row['year']}-{row['month']}", row["store_id"])
        percent = float(row.pop("attainment_percent"))
        assert row == {
            "year": where[0][:4],
            "month": where[0][5:],
            "target_month": f"{where[0]}-01",
            "store_id": where[1],
            "store_name": names[where[1]],
            "transactions": str(transactions[where]),
            "revenue": revenue[where],
            "revenue_target": targets[where],
        }
        assert percent == pytest.approx(float(100 * revenue[where] / targets[where]), abs=0.051)


def test_web_traffic_by_hour(sample: Sample) -> None:
    hours: dict[str, Counter[str]] = defaultdict(Counter)
    orders: Counter[str] = Counter()
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    for row in sample.rows["web_sessions"]:
        hours[row["started_at"][:13]].update(
            sessions=1,
            mobile_sessions=row["is_mobile"] == "true",
            converted_sessions=row["converted"] == "true",
            page_views=int(row["page_views"]),
        )
    for row in sample.rows["sales"]:
        if row["store_id"] == "WEB":
            orders[row["sold_at"][:13]] += 1
            revenue[row["sold_at"][:13]] += Decimal(row["amount"])
    answer = decimals(ask(sample, "SELECT * FROM web_traffic_by_hour"), "revenue")
    assert len(answer) == len(hours) == DAYS * 24
    for row in answer:
        hour = f"{row['traffic_date']} {row['hour']}"
        assert hour == f"{row['year']}-{row['month']}-{row['day']} {row['hour']}"
        assert {name: int(row[name]) for name in hours[hour]} == dict(hours[hour])
        assert (int(row["orders"]), row["revenue"]) == (orders[hour], revenue[hour])
        percent = 100 * hours[hour]["converted_sessions"] / hours[hour]["sessions"]
        assert float(row["conversion_percent"]) == pytest.approx(percent, abs=0.0051)
    assert any(row["orders"] == "0" for row in answer), "an hour without an order is in the answer too"


def test_daily_scorecard(sample: Sample) -> None:
    revenue: dict[str, Decimal] = defaultdict(Decimal)
    by_category: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    transactions: Counter[str] = Counter()
    sessions: Counter[str] = Counter()
    converted: Counter[str] = Counter()
    for row in sample.rows["sales"]:
        revenue[row["transaction_date"]] += Decimal(row["amount"])
        by_category[row["transaction_date"]][row["product_category"]] += Decimal(row["amount"])
        transactions[row["transaction_date"]] += 1
    for row in sample.rows["web_sessions"]:
        sessions[row["started_at"][:10]] += 1
        converted[row["started_at"][:10]] += row["converted"] == "true"
    days = [(LAST_DAY - timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]
    answer = ask(sample, "SELECT * FROM daily_scorecard ORDER BY sales_date")
    assert [row["sales_date"] for row in answer] == days
    for number, (day, row) in enumerate(zip(days, answer, strict=True)):
        week = [revenue[other] for other in days[max(0, number - 6) : number + 1]]
        before = row["revenue_a_week_before"]
        assert Decimal(row["revenue"] or 0) == revenue[day]
        assert (Decimal(before) if before else None) == (revenue[days[number - 7]] if number >= 7 else None)
        assert float(row["revenue_7_day_average"] or 0) == pytest.approx(float(sum(week) / len(week)), abs=0.0051)
        assert row["best_category"] == max(by_category[day], key=lambda category: by_category[day][category])
        assert (row["transactions"], row["sessions"]) == (str(transactions[day]), str(sessions[day]))
        percent = 100 * converted[day] / sessions[day]
        assert float(row["conversion_percent"] or 0) == pytest.approx(percent, abs=0.0051)


def test_rejected_rows_are_those_that_were_broken(sample: Sample) -> None:
    bucket = sample.lake.config.resources.source_bucket
    answer = ask(sample, "SELECT * FROM rejected_rows")
    assert {(row["source_file"], row["line"], row["column_name"]) for row in answer} == {
        (f"s3://{bucket}/{defect.key}", str(defect.line), defect.column) for defect in sample.manifest.defects
    }
    assert len(answer) == len(sample.manifest.defects)
    assert all((row["covered_day"] or "").startswith((row["partition_key"] or "?")[:10]) for row in answer)
    kinds = {row["reason_kind"] or "" for row in answer}
    assert "… is not a decimal(10,2)" in kinds and not any("'" in kind for kind in kinds)
    keys = {"sales": 10, "web_sessions": 13, "store_targets": 7}
    assert all(len(row["partition_key"] or "") == keys[row["entity"] or ""] and row["reason"] for row in answer)


def test_rows_by_day_counts_what_was_loaded_and_rejected(sample: Sample) -> None:
    expected: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])

    def day_of(key: str) -> str:
        year, month, day = re.findall(r"(\d{4})_?(\d{2})_?(\d{2})?", key.rsplit("/", 1)[-1])[0]
        return f"{year}-{month}-{day or '01'}"

    for entity, rows in sample.rows.items():
        for row in rows:
            expected[entity, day_of(row["key"])][0] += 1
    for defect in sample.manifest.defects:
        entity = {"sales": "sales", "web": "web_sessions", "targets": "store_targets"}[defect.key.split("/")[0]]
        expected[entity, day_of(defect.key)][1] += 1
    answer = ask(sample, "SELECT * FROM rows_by_day")
    assert {(row["entity"], row["covered_day"]): [row["rows_loaded"], row["rows_rejected"]] for row in answer} == {
        key: [str(loaded), str(rejected)] for key, (loaded, rejected) in expected.items()
    }


def test_a_filter_on_the_partition_reads_that_partition_only(sample: Sample) -> None:
    def scanned(condition: str) -> int:
        query = athena.execute(sample.lake, f"SELECT sum(revenue) FROM revenue_by_day_and_category{condition}")
        return int(
            sample.lake.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Statistics"][
                "DataScannedInBytes"
            ]
        )

    one_day, all_days = scanned(" WHERE year = '2024' AND month = '02' AND day = '29'"), scanned("")
    assert 0 < one_day < all_days / 4


def test_a_file_costs_the_requests_that_the_documentation_says(
    sample: Sample, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/what-runs-where.md: 1 GET, 1 PUT (2 with rejected rows) and 2 PutItem a file, the rest by the hundred."""
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    lake = Lake.open(sample.lake.config)
    lake.check_owner()
    entity = lake.config.entities["web_sessions"]
    files = [file for file in list_entity(lake, entity) if "20240301T" in file.key]
    calls: Counter[str] = Counter()
    call = BaseClient._make_api_call

    def counted(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        calls[operation] += 1
        return call(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    outcomes = load_batch(lake, entity, files, lane="batch", run_id="again", reload=True)
    with_rejects = sum(1 for outcome in outcomes if outcome.rows_rejected)
    assert len(outcomes) == 24
    # Loaded again, and without rejects now: a HEAD looks for those that a worker may have left which died.
    heads = Counter(HeadObject=24 - with_rejects)
    expected = Counter(GetObject=24, PutObject=24 + with_rejects, PutItem=48, BatchGetItem=1)
    assert +calls == +(expected + heads)

    calls.clear()
    partitions = [partition_for(entity, file.key) for file in files]
    Registrar(lake, "look").register_entity(entity, partitions)
    assert calls == {"GetTable": 2, "BatchGetPartition": 2}

    calls.clear()
    validate(lake, entity, partitions)
    assert (calls["StartQueryExecution"], calls["Query"]) == (1, 24)
