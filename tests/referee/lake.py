"""The sample lake: its views as they are stored, and the statements that the engine itself sends."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date

from lakelanes.dashboards.questions import library
from lakelanes.lake import Lake
from scripts.sample_orders import Orders
from tests.support.localaws import LocalAws
from tests.support.sample_lake import make_views, put_orders, sample_lake

# Over the end of a month, in a leap year.
_LAST_DAY, _DAYS = date(2024, 3, 2), 3
_ORDERS = 200


@contextmanager
def sampled(aws: LocalAws) -> Generator[tuple[str, list[str]]]:
    """The database of a loaded lake, and statements: of every view, every dashboard, and what was sent meanwhile."""
    with sample_lake(aws, _LAST_DAY, _DAYS, with_orders=True) as sample:
        put_orders(sample.lake, [*map(Orders(7).order, range(_ORDERS))])
        views = make_views(sample.lake)
        database = sample.lake.config.resources.glue_database
        asked = [f'SELECT * FROM "{database}"."{view}"' for view in views]
        asked += [question.sql(sample.lake) for question in library(sample.lake).all_questions(views)]
        yield database, list(dict.fromkeys([*asked, *_sent(sample.lake)]))


def _sent(lake: Lake) -> Iterator[str]:
    """The SELECTs that this lake has sent so far: row counts after loads, tests of views."""
    pages = lake.athena.get_paginator("list_query_executions").paginate(WorkGroup=lake.config.resources.workgroup_name)
    for page in pages:
        for identifier in page["QueryExecutionIds"]:
            execution = lake.athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            if execution["StatementType"] == "DML":
                yield execution["Query"]
