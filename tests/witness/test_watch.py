"""tests/lakelanes/test_watch.py once more, on moto's server."""

from tests.lakelanes.test_watch import *  # noqa: F403
