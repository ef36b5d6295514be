"""What every page has, and where a form leads back to."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request
from jinja2 import UndefinedError

from lakelanes_airflow.page.render import back, page


def request(query: str = "", path: str = "/lake/file") -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": path, "root_path": "/lake", "query_string": query.encode()}
        | {"headers": []}
    )


def refused(query: str = "", **values: Any) -> str:
    return bytes(
        page(request(query), "refused.html", 404, **{"title": "None", "reason": "none", **values}).body
    ).decode()


def test_values_are_text_whatever_they_hold() -> None:
    assert "&lt;script&gt;" in refused(reason="<script>") and "<script>alert" not in refused(reason="<script>alert(1)")


def test_a_value_that_is_missing_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError, match="reason"):
        page(request(), "refused.html", title="None")


def test_the_run_that_a_button_started_is_named() -> None:
    assert "A run of <b>load_sales</b> was started." in refused("run=load_sales/manual__2024-03-15T00:00:00%2B00:00")


@pytest.mark.parametrize("run", ["load_sales", "load_sales/a b", "../x/%3Cb%3E", "load_sales/" + "x" * 300])
def test_what_is_no_run_is_not_named(run: str) -> None:
    assert "was started" not in refused(f"run={run}")


def test_a_form_leads_back_to_its_page_with_the_run() -> None:
    answer = back(request(), "/file?uri=s3%3A%2F%2Fb%2Fk", "load_sales", "manual__1+x")
    assert answer.status_code == 303, "so that reloading does not send the form again"
    assert answer.headers["location"] == "/lake/file?uri=s3%3A%2F%2Fb%2Fk&run=load_sales%2Fmanual__1%2Bx"
    assert back(request(), "/tables/orders", "d", "r").headers["location"] == "/lake/tables/orders?run=d%2Fr"
