"""tests/lakelanes/catalog/test_evolution.py once more, on moto's server."""

from tests.lakelanes.catalog.test_evolution import *  # noqa: F403
