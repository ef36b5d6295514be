"""tests/lakelanes/files/test_attempt.py once more, on moto's server."""

from tests.lakelanes.files.test_attempt import *  # noqa: F403
