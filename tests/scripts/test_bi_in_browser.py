"""Superset itself: it imports the dashboards, and each chart's values are those of a second calculation.

A browser opens every tab; what Superset's own pages ask of its chart data API, and what that answers, is held against
``tests.support.visuals``. Superset reads as its own user of IAM. It is in .local/bi, which ``make setup WITH=bi`` makes
(830 MB), so where that is not, these tests are skipped. LAKELANES_SHOTS names a folder for pictures of the tabs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from lakelanes.catalog import athena
from lakelanes.dashboards.drawing import key_text
from lakelanes.dashboards.loading import read_dashboards
from lakelanes.dashboards.model import Visual
from lakelanes.dashboards.questions import columns_of
from lakelanes.dashboards.superset.datasets import object_id
from lakelanes.dashboards.superset.formats import measure_label
from lakelanes.dashboards.view_columns import DATES, Columns
from scripts import bi
from scripts.sample_orders import Orders
from tests.support.browser import PATIENCE_MILLISECONDS, chromium, running_browser
from tests.support.localaws import REPOSITORY, LocalAws
from tests.support.sample_lake import Sample, make_views, put_orders, sample_lake
from tests.support.visuals import Keys, evaluate
from tests.support.waiting import wait_for

PYTHON = REPOSITORY / ".local" / "bi" / "bin" / "python"
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PYTHON.exists(), reason="there is no .local/bi: make setup WITH=bi"),
    pytest.mark.skipif(chromium() is None, reason="no chromium here: apt-get install chromium (.ci/run does)"),
]

DASHBOARDS = {dashboard.name: dashboard for dashboard in read_dashboards()}
VISUALS = [(name, visual.id) for name, dashboard in DASHBOARDS.items() for visual in dashboard.visuals]
# Charts are answered one after the other, and the machine may be busy.
LONG_SECONDS = 600.0
LOADING = "[data-test=loading-indicator], .loading"


class Shown:
    """A lake, and what Superset answered to its own pages: by dashboard and visual."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.answers: dict[tuple[str, str], dict[str, Any]] = {}
        self.faults: list[str] = []

    @property
    def database(self) -> str:
        return self.sample.lake.config.resources.glue_database


@pytest.fixture(scope="module")
def sample(local_aws: LocalAws) -> Iterator[Sample]:
    with sample_lake(local_aws, date(2024, 3, 2), 12, with_orders=True) as loaded:
        # In the place of the table's snapshots, which the user may read.
        put_orders(loaded.lake, [*map(Orders(7).order, range(400))], "orders_snapshot")
        assert set(make_views(loaded.lake).values()) == {"created"}
        yield loaded


@pytest.fixture(scope="module")
def made(sample: Sample, local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> bi.Superset:
    """Superset with the dashboards, imported twice: the second time replaces."""
    config = sample.lake.config
    aws = {
        "AWS_ENDPOINT_URL": local_aws.endpoint_url,
        "AWS_DEFAULT_REGION": config.aws.region,
        **bi.make_reader(local_aws.client("iam"), config, "superset-browser"),
    }
    superset = bi.superset(PYTHON, tmp_path_factory.mktemp("superset"), config, aws)
    superset.prepare(config)
    superset.prepare(config)
    return superset


@pytest.fixture(scope="module")
def shown(sample: Sample, made: bi.Superset) -> Iterator[Shown]:
    found = Shown(sample)
    with bi.listening(0) as listener, (made.home / "superset.log").open("w") as log:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options: dict[str, Any] = {"stdout": log, "stderr": log, "pass_fds": [listener.fileno()]}
        server = subprocess.Popen(made.command(listener), env=dict(made.environment), start_new_session=True, **options)
        try:
            wait_for(lambda: healthy(address), what="Superset to answer")
            look(address, made.password_file.read_text(), found)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)
    yield found


def healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=60) as answer:
            return bool(answer.read() == b"OK")
    except OSError:
        return False


def look(address: str, password: str, found: Shown) -> None:
    """Opens every tab of every dashboard, and keeps what their charts were answered."""
    shots = os.environ.get("LAKELANES_SHOTS")
    with running_browser() as browser:
        # So high that every chart of a tab is in view, for Superset asks for no others.
        page = browser.new_page(viewport={"width": 1400, "height": 3000})
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.goto(f"{address}/login/")
        page.fill("#username", bi.ADMIN)
        page.fill("#password", password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        answers: list[Any] = []
        page.on("response", lambda one: answers.append(one) if "/api/v1/chart/data" in one.url else None)
        for name, dashboard in DASHBOARDS.items():
            page.goto(f"{address}/superset/dashboard/{found.database}-{name}/")
            wanted = 0
            for number, sheet in enumerate(dashboard.sheets, 1):
                page.get_by_role("tab", name=sheet.title).first.click()
                wanted += len(sheet.visuals)
                settled(page, answers, wanted)
                if shots:
                    page.wait_for_timeout(2000)
                    page.screenshot(path=Path(shots) / f"{name}-{number}.png")
            keep(answers, name, found)
            answers.clear()


def settled(page: Page, answers: list[Any], wanted: int) -> None:
    """Waits until so many charts were answered, and all are drawn."""

    def left() -> int:
        # The browser's events arrive while the page waits.
        page.wait_for_timeout(200)
        return max(0, wanted - len(answers)) + int(page.locator(LOADING).count())

    wait_for(left, lambda count: count == 0, "charts without an answer", seconds=LONG_SECONDS)


def keep(answers: list[Any], dashboard: str, found: Shown) -> None:
    """Notes what the charts of a dashboard were answered, by the ids of their visuals."""
    visuals = {}
    for visual in DASHBOARDS[dashboard].visuals:
        label = measure_label(visual.y[0])
        visuals[f"metric_{object_id(found.database, dashboard, visual.id, label)}"] = visual.id
    for answer in answers:
        form = answer.request.post_data_json["form_data"]
        visual_id = visuals[(form.get("metrics") or [form["metric"]])[0]["optionName"]]
        if answer.status != 200:
            found.faults.append(f"{dashboard}/{visual_id}: {answer.text()}")
            continue
        (found.answers[dashboard, visual_id],) = answer.json()["result"]


def values(visual: Visual, columns: Columns, answer: dict[str, Any]) -> dict[Keys, list[Any]]:
    """The measures by the dimensions' values as people read them, of what a chart was answered; without nulls."""
    names, rows = answer["colnames"], answer["data"]
    found: dict[Keys, list[Any]] = {}
    for row in rows:
        cells = [row[name] for name in names]
        if visual.kind in ("table", "heat_map", "figure"):
            keys, measures = cells[: len(visual.dimensions)], cells[len(visual.dimensions) :][: len(visual.y)]
            found[tuple(shown_key(key, index, visual, columns) for index, key in enumerate(keys))] = measures
        elif visual.series is None:
            found[(shown_key(cells[0], 0, visual, columns),)] = [row[measure_label(one)] for one in visual.y]
        else:
            for name, value in zip(names[1:], cells[1:], strict=True):
                found[shown_key(cells[0], 0, visual, columns), name] = [value]
    return {keys: own for keys, own in found.items() if any(value is not None for value in own)}


def shown_key(key: Any, index: int, visual: Visual, columns: Columns) -> str | None:
    """As ``key_text`` shows it; Superset's pages are given times as milliseconds since 1970."""
    dimension = visual.dimensions[index]
    if columns[dimension.column] in DATES and not isinstance(key, str):
        return key_text(datetime.fromtimestamp(key / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"), dimension, columns)
    return None if key is None else str(key)


def same(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return found is expected
    if isinstance(expected, str):
        return datetime.fromtimestamp(found / 1000, UTC) == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    return bool(float(found) == pytest.approx(float(expected), rel=1e-12))


def test_every_chart_is_answered(shown: Shown) -> None:
    assert shown.faults == []
    assert sorted(shown.answers) == sorted(VISUALS)


@pytest.mark.parametrize(("name", "visual_id"), VISUALS)
def test_every_value_is_that_of_a_second_calculation(shown: Shown, name: str, visual_id: str) -> None:
    dashboard = DASHBOARDS[name]
    visual = next(one for one in dashboard.visuals if one.id == visual_id)
    dataset = dashboard.datasets[visual.dataset]
    columns = columns_of(shown.sample.lake.config)[dataset.view]
    found = values(visual, columns, shown.answers[name, visual_id])
    every = evaluate(visual, dataset, athena.query(shown.sample.lake, f"SELECT * FROM {dataset.view}"))
    expected = {
        tuple(key_text(key, one, columns) for key, one in zip(keys, visual.dimensions, strict=True)): own
        for keys, own in every.items()
        if any(value is not None for value in own)
    }
    assert expected and found.keys() == expected.keys()
    for keys, own in expected.items():
        for measure, value, wanted in zip(visual.y, found[keys], own, strict=True):
            assert same(value, wanted), (keys, measure.label, value, wanted)
