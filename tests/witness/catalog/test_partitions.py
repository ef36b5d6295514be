"""tests/lakelanes/catalog/test_partitions.py once more, on moto's server."""

from tests.lakelanes.catalog.test_partitions import *  # noqa: F403
