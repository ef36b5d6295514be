"""The first hour of a new user, by commands and browser alone: from files that no configuration knows to a chart."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.browser import PATIENCE_MILLISECONDS, chromium, running_browser
from tests.support.clones import Clone
from tests.support.small_company import all_files, invoices

CONFIG = "my-lake.json"
TABLES = ["rechnungen_ch", "sensors", "orders_export", "lagerbestand", "customers"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A fresh clone, whose stack is stopped in the end."""
    clone = Clone(tmp_path_factory.mktemp("clone"))
    try:
        yield clone
    finally:
        clone.run("scripts.stack", "down")


def lakelanes(clone: Clone, *arguments: str) -> str:
    done = clone.run("lakelanes", *arguments)
    assert done.returncode == 0, f"lakelanes {shlex.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)")
def test_from_a_sample_file_to_a_charts_value(clone: Clone, tmp_path: Path) -> None:
    began, files = time.monotonic(), all_files()
    paths = [str(file.write(tmp_path)) for file in files]
    for path, file in zip(paths, files, strict=True):
        lakelanes(clone, "draft", path, "--config", CONFIG, "--write")
        tried = json.loads(lakelanes(clone, "try", path, "--config", CONFIG, "--json"))
        assert (tried["state"], tried["rows_loaded"], tried["rejects"]) == ("loaded", file.rows, [])

    up = clone.run("scripts.stack", "up", "--config", CONFIG)
    assert up.returncode == 0, up.stdout + up.stderr
    print(f"up after {time.monotonic() - began:.0f} s")

    loaded = json.loads(lakelanes(clone, "upload", *paths, "--wait", "120", "--json"))
    assert [(one["state"], one["rows_loaded"]) for one in loaded] == [("loaded", file.rows) for file in files]
    for table, file in zip(TABLES, files, strict=True):
        [row] = json.loads(lakelanes(clone, "query", file.sql.format(table=table), "--json"))
        assert [str(value) for value in row.values()] == file.answer, file.name

    lakelanes(clone, "dashboard", "rechnungen_ch", "--write")
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.goto(f"{airflow_of(clone)}/plugin/lake")
        look_at_the_chart(page, page.frame_locator("iframe"))
    print(f"a chart's value after {time.monotonic() - began:.0f} s")


def airflow_of(clone: Clone) -> str:
    """The address that make up has noted."""
    lines = (clone.root / ".local" / "env").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("AIRFLOW_URL="))


def look_at_the_chart(page: Any, lake: Any) -> None:
    """From the Lake page by its links to the chart that adds up by place, and to the figure of all."""
    for table in TABLES:
        expect(lake.get_by_role("link", name=table, exact=True).first).to_be_visible()
    lake.get_by_role("link", name="Dashboards").first.click()
    lake.get_by_role("link", name="Rechnungen ch").first.click()
    total = Decimal(invoices().answer[0])
    expect(lake.locator("#figure_1 .value")).to_contain_text(f"{total:,.2f}")
    chart = lake.get_by_role("figure", name="Betrag by ort")
    expect(chart.locator("img:visible")).to_be_visible()
    chart.get_by_text("As a table").click()
    bern = sum(Decimal(line.split(";")[2].replace(".", "").replace(",", ".")) for line in lines_of_bern())
    expect(chart.get_by_role("row").filter(has_text="Bern")).to_contain_text(f"{bern:,.2f}")


def lines_of_bern() -> list[str]:
    return [line for line in invoices().data.decode("cp1252").splitlines() if ";Bern;" in line]
