"""tests/lakelanes/drop/test_belongings.py once more, on moto's server."""

from tests.lakelanes.drop.test_belongings import *  # noqa: F403
