"""tests/lakelanes/catalog/test_stored_views.py once more, on moto's server."""

from tests.lakelanes.catalog.test_stored_views import *  # noqa: F403
