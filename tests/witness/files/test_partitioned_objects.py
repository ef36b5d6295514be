"""tests/lakelanes/files/test_partitioned_objects.py once more, on moto's server."""

from tests.lakelanes.files.test_partitioned_objects import *  # noqa: F403
