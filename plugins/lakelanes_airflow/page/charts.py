"""Charts as images: Vega-Lite drawn by vl-convert, in this process and without a request to anywhere."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

# The version of the schema that lakelanes.dashboards.vega names.
VEGA_LITE = "6.1"


def svg(spec: dict[str, Any]) -> bytes:
    """The SVG of a specification; the last ones that were drawn are remembered. The first of a process takes half a
    second, the next about 50 ms each."""
    return _svg(json.dumps(spec, sort_keys=True))


@lru_cache(maxsize=256)
def _svg(text: str) -> bytes:
    # Here and not above: what draws brings a JavaScript engine, and Airflow's processes import this package.
    import vl_convert

    return vl_convert.vegalite_to_svg(text, vl_version=VEGA_LITE, allowed_base_urls=[]).encode()
