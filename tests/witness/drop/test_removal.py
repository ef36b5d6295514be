"""tests/lakelanes/drop/test_removal.py once more, on moto's server."""

from tests.lakelanes.drop.test_removal import *  # noqa: F403
