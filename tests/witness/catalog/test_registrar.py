"""tests/lakelanes/catalog/test_registrar.py once more, on moto's server."""

from tests.lakelanes.catalog.test_registrar import *  # noqa: F403
