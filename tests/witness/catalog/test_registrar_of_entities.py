"""tests/lakelanes/catalog/test_registrar_of_entities.py once more, on moto's server."""

from tests.lakelanes.catalog.test_registrar_of_entities import *  # noqa: F403
