"""tests/lakelanes/files/test_queue_lane.py once more, on moto's server."""

from tests.lakelanes.files.test_queue_lane import *  # noqa: F403
