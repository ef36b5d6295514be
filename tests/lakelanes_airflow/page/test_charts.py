"""Charts as images: drawn in this process, from what the specification holds and nothing else, and remembered."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from lakelanes.dashboards import vega
from lakelanes_airflow.page import charts
from lakelanes_airflow.page.render import HEADERS
from tests.lakelanes.dashboards.test_vega import CASES, drawn


def spec(case: str = "bar", theme: vega.Theme = "light") -> dict[str, Any]:
    rows, kind, settings = CASES[case]
    return vega.spec(drawn(rows, kind, **settings), theme=theme)


def test_a_chart_is_drawn_once_and_each_theme_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    real = vl_convert.vegalite_to_svg

    def draw(text: str, **options: Any) -> str:
        made.append(options)
        return str(real(text, **options))

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", draw)
    charts._svg.cache_clear()
    first = charts.svg(spec())
    assert charts.svg(dict(reversed(spec().items()))) is first, "whatever the order of its keys"
    assert charts.svg(spec(theme="dark")) != first
    assert made == [{"vl_version": charts.VEGA_LITE, "allowed_base_urls": []}] * 2


def test_the_renderers_version_is_that_of_the_schema_and_it_has_it() -> None:
    assert charts.VEGA_LITE in vl_convert.get_vegalite_versions()
    assert vega.SCHEMA.endswith(f"/v{charts.VEGA_LITE.split('.')[0]}.json")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/rows.json", "https://example.com/rows.csv", "/rows.json"])
def test_nothing_is_fetched(address: str) -> None:
    with pytest.raises(ValueError, match="External data url not allowed"):
        charts.svg({**spec(), "data": {"url": address}})


def test_no_file_of_the_server_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('[{"x": "secret", "y": 1, "label": "secret"}]')
    assert b"secret" not in charts.svg({**spec(), "data": {"url": (tmp_path / "rows.json").as_uri()}})


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("case", CASES)
def test_an_image_needs_nothing_that_the_pages_policy_forbids(case: str, theme: vega.Theme) -> None:
    """The page's policy allows no style or script but from its own address, so what is inline would not be drawn."""
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe-inline" not in policy and "img-src 'self'" in policy
    image = charts.svg(spec(case, theme)).decode()
    assert image.startswith("<svg")
    assert not re.search(r"<script|<style|<image|<foreignObject|\sstyle=|\son\w+=|href=|url\((?!#)|@import", image)


def test_importing_the_page_starts_no_renderer() -> None:
    """It is a JavaScript engine of 90 MB, and every process of Airflow imports the plugin."""
    code = "import sys, lakelanes_airflow.page.charts; sys.exit('vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
