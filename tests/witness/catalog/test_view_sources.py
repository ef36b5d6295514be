"""tests/lakelanes/catalog/test_view_sources.py once more, on moto's server."""

from tests.lakelanes.catalog.test_view_sources import *  # noqa: F403
