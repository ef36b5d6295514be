"""tests/lakelanes/files/test_events.py once more, on moto's server."""

from tests.lakelanes.files.test_events import *  # noqa: F403
