"""tests/lakelanes/catalog/test_view_results.py once more, on moto's server."""

from tests.lakelanes.catalog.test_view_results import *  # noqa: F403
