"""tests/lakelanes/catalog/test_views.py once more, on moto's server."""

from tests.lakelanes.catalog.test_views import *  # noqa: F403
